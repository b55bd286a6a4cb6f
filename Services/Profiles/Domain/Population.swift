import Contract
import Foundation
import ProfilesAPI

/// A made-up population with the skew of real ones: a few skills, languages, places and words are everywhere, most are rare;
/// few members are there at a time. Each member follows from the seed and their number alone.
struct Population {
  /// One of them.
  struct Inhabitant {
    let profile: MemberProfile
    let skills: SkillSet
    let presence: KnownPresence
  }

  let seed: Int
  private let skills: [TaxonomySkill]
  private let earliest = Timestamp("2026-01-01T00:00:00Z")!

  /// A population that offers and wants these skills.
  init(seed: Int, skills: [TaxonomySkill]) {
    self.seed = seed
    var random = SplitMix(seed: UInt64(bitPattern: Int64(seed)))
    // Which skills are common differs from seed to seed.
    self.skills = skills.sorted { $0.slug < $1.slug }.shuffled(using: &random)
  }

  /// Member `number`, whose presence is as it was at `now` and holds for a day. Of the same member at two times the later
  /// presence has the higher version.
  func inhabitant(_ number: Int, now: Timestamp) throws -> Inhabitant {
    var random = SplitMix(seed: UInt64(bitPattern: Int64(seed)) &* 0x9E37_79B9 &+ UInt64(number) &+ 1)
    let id = MemberID(UniqueID(at: earliest + .seconds(number), using: &random))
    let town = Self.towns[random.skewed(Self.towns.count)]
    var profile = MemberProfile(
      of: id, firstName: try ProfileName(Self.firstNames[random.leaning(Self.firstNames.count)]),
      lastName: try ProfileName(Self.lastNames[random.leaning(Self.lastNames.count)]), email: nil,
      now: earliest + .seconds(number))
    let languages = Set((0...random.skewed(3)).map { _ in Self.languages[random.skewed(Self.languages.count)] })
    _ = try profile.apply(
      ChangeProfile(
        bio: random.chance(0.7) ? .set(Biography(sentence(&random))) : .keep,
        location: random.chance(0.8) ? .set(Place(town.name)) : .keep,
        timezone: random.chance(0.8) ? .set(ZoneName(town.zone)!) : .keep,
        languages: SpokenLanguages(languages.sorted().map { LanguageTag($0)! }),
        learningStyle: random.chance(0.5) ? .set(LearningStyle.allCases.randomElement(using: &random)!) : .keep,
        privacy: random.chance(0.1) ? ProfilePrivacy(location: .contacts, learning: .nobody) : nil))
    return Inhabitant(
      profile: profile, skills: try skillSet(of: id, &random), presence: presence(&random, now: now))
  }

  /// Two in five offer something.
  private func skillSet(of id: MemberID, _ random: inout SplitMix) throws -> SkillSet {
    var set = SkillSet(of: id, [])
    let kinds: [SkillKind] =
      (random.chance(0.4) ? Array(repeating: .teaching, count: 1 + random.skewed(4)) : [])
      + Array(repeating: .learning, count: random.skewed(4))
    for kind in kinds {
      let skill = skills[random.skewed(skills.count)]
      let request = AddSkill(
        skillId: skill.id, kind: kind, proficiency: try Proficiency(Int.random(in: 0...100, using: &random)),
        description: random.chance(0.3) ? try SkillDescription(sentence(&random)) : nil)
      let entry = MemberSkillID(UniqueID(at: earliest + .seconds(set.all.count), using: &random))
      // Whoever draws the same skill twice has it once.
      _ = try? set.add(request, skill, id: entry)
    }
    return set
  }

  /// One in thirteen is there, most of them for everybody to see; of the others most were there lately.
  private func presence(_ random: inout SplitMix, now: Timestamp) -> KnownPresence {
    let share = Double.random(in: 0..<1, using: &random)
    let status: OnlineStatus = share < 0.05 ? .online : share < 0.07 ? .away : share < 0.075 ? .busy : .offline
    let audience: Audience = random.chance(0.8) ? .everyone : random.chance(0.6) ? .contacts : .nobody
    let minutes = status == .offline ? 20 + 20 * random.skewed(6000) : Int.random(in: 0..<15, using: &random)
    return KnownPresence(
      status: status, visibleTo: audience, activeAt: now - .seconds(60 * minutes), version: now.microseconds,
      lapsesAt: now + .seconds(86_400))
  }

  private func sentence(_ random: inout SplitMix) -> String {
    (0..<Int.random(in: 6...24, using: &random)).map { _ in Self.word(random.skewed(4000)) }.joined(separator: " ")
  }

  /// A word of this rank: the most common ones mean something, the others are made of syllables.
  private static func word(_ rank: Int) -> String {
    guard rank >= words.count else { return words[rank] }
    let syllables = ["ba", "ke", "li", "mo", "nu", "ra", "se", "ti", "vo", "zu"]
    return String(rank).utf8.map { syllables[Int($0) - 48] }.joined()
  }

  private static let words = [
    "teach", "learn", "patient", "beginner", "practice", "years", "weekly", "online", "together", "experience",
    "lesson",
    "music", "friendly", "project", "exam", "children", "evening", "method", "fun", "goal", "step", "professional",
  ]
  private static let languages = ["en", "es", "de", "fr", "pt-BR", "it", "pl", "tr", "ar", "hi", "ja", "zh-Hant", "sw"]
  private static let firstNames = [
    "Anna", "Luca", "Maria", "Ali", "Sofia", "Noah", "Emma", "Jan", "Yuki", "Omar", "Nina", "Leo", "Priya", "Ivan",
    "Chiara", "Mateo", "Zoë", "Kofi", "Aylin", "Björn", "Mei", "Tomás", "Sara", "Émile", "Lena", "Samir", "Olga",
    "Ravi", "Amara", "Anders", "Ines", "Hugo", "Fatima", "Pavel", "Greta", "Diego", "Hana", "Tariq", "Clara", "Viktor",
    "Leila", "Marek", "Aiko", "Pedro", "Ingrid", "Kwame", "Elif", "Stefan", "Rosa", "Arjun", "Freya", "Nikolai",
    "Carmen", "Yusuf", "Linnea", "Bruno", "Thandi", "Mikael", "Lucía", "Hassan", "Petra", "Daniel", "Irina", "João",
    "Salma", "Otto", "Beatriz", "Kenji", "Agnes", "Musa", "Vera", "Rafael", "Noor", "Emil", "Paula", "Dmitri", "Alma",
    "Felix", "Zainab", "Simon", "Teresa", "Wei", "Julia", "Ibrahim", "Eva", "Oskar", "Nadia", "Marco", "Ada", "Karim",
  ]
  private static let lastNames = [
    "Müller", "Rossi", "Silva", "Nowak", "García", "Kaya", "Tanaka", "Singh", "Novák", "Jansen", "Ivanova", "Haddad",
    "Okafor", "Lindqvist", "Dubois", "Costa", "Weber", "Kim", "Popescu", "Moreno", "Nagy", "Chen", "Berg", "Almeida",
    "Fischer", "Sato", "Demir", "Horvat", "Larsen", "Mensah", "Ortega", "Petrov", "Quinn", "Ruiz", "Schmidt", "Torres",
    "Adeyemi", "Bauer", "Carvalho", "Dahl", "Eriksen", "Ferrari", "Greco", "Hansen", "Iyer", "Jovanović", "Kowalski",
    "Lopes", "Marin", "Nilsen", "Osei", "Pereira", "Rahman", "Suzuki", "Toth", "Usman", "Virtanen", "Wagner", "Yılmaz",
    "Zhang", "Andersson", "Banerjee", "Castro", "Diallo", "Esposito", "Fernández", "Gupta", "Hoffmann", "Ito", "Juarez",
    "Koch", "Lam", "Mazur", "Nakamura", "Oliveira", "Park", "Ramos", "Santos", "Takahashi", "Ueda", "Vargas", "Wójcik",
    "Xu", "Yamamoto", "Zimmermann", "Abebe", "Bianchi", "Chaudhary", "Dvořák", "Engel", "Farah", "Gomes", "Huber",
    "Ibáñez", "Jung", "Keita", "Lehmann", "Moretti", "Ngata", "Olsen", "Patel", "Reyes", "Sharma", "Tran", "Urban",
    "Vogel", "Walsh", "Yadav", "Zanetti", "Aydın", "Bakker", "Correia", "Das", "Ekström", "Fonseca", "Guerrero",
    "Hernández", "Igwe", "Janssen", "Krüger", "Lund", "Mendes", "Nguyen", "Oduya", "Pavlov", "Rinaldi", "Sánchez",
    "Tamm", "Ünal", "Verma", "Winter", "Zieliński",
  ]
  private static let towns: [(name: String, zone: String)] = [
    ("Berlin, Germany", "Europe/Berlin"), ("London, United Kingdom", "Europe/London"),
    ("São Paulo, Brazil", "America/Sao_Paulo"), ("Mumbai, India", "Asia/Kolkata"), ("Tokyo, Japan", "Asia/Tokyo"),
    ("New York, USA", "America/New_York"), ("Istanbul, Türkiye", "Europe/Istanbul"), ("Lagos, Nigeria", "Africa/Lagos"),
    ("Paris, France", "Europe/Paris"), ("Mexico City, Mexico", "America/Mexico_City"),
    ("Wien, Austria", "Europe/Vienna"),
    ("Kraków, Poland", "Europe/Warsaw"), ("Taipei, Taiwan", "Asia/Taipei"), ("Sydney, Australia", "Australia/Sydney"),
    ("Nairobi, Kenya", "Africa/Nairobi"), ("Lisboa, Portugal", "Europe/Lisbon"), ("Oslo, Norway", "Europe/Oslo"),
    ("Graz, Austria", "Europe/Vienna"), ("Reykjavík, Iceland", "Atlantic/Reykjavik"), ("Cairo, Egypt", "Africa/Cairo"),
  ]
}

/// Random numbers that are the same for the same seed (SplitMix64; Steele, Lea and Flood, 2014).
private struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }

  /// True so often.
  mutating func chance(_ share: Double) -> Bool { Double.random(in: 0..<1, using: &self) < share }

  /// A number below `count`, the lower ones somewhat more often: the rank of a name.
  mutating func leaning(_ count: Int) -> Int {
    min(count - 1, Int(Double(count) * pow(Double.random(in: 0..<1, using: &self), 1.3)))
  }

  /// A number below `count`, the lower the more often: the rank of something whose use falls as one over its rank.
  mutating func skewed(_ count: Int) -> Int {
    min(count - 1, Int(pow(Double(count + 1), Double.random(in: 0..<1, using: &self))) - 1)
  }
}
