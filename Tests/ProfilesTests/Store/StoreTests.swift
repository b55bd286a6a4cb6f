import Contract
import EventLoop
import Mesh
import Postgres
import ProfilesAPI
import TestKit
import Testing

@testable import Profiles

@Suite struct StoreTests {
  @Test @Loop func `the taxonomy has its categories and skills, the same everywhere`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let store = world.stores.taxonomy
    let categories = try await store.categories()
    #expect(categories.count == 16)
    #expect(categories.allSatisfy { $0.skillCount >= 5 })
    #expect(categories.reduce(0) { $0 + $1.skillCount } == 205)
    #expect(try await store.version() == 1)
    let guitars = try await store.skills(with: "GUITAR", of: .slug("music"), after: nil, atMost: 10)
    #expect(guitars.map(\.slug) == ["guitar", "bass-guitar", "classical-guitar"])
    #expect(guitars.first?.id.description == "019b76da-a800-7c24-8be1-69605d5d0cdc")
    #expect(try await store.skills(with: nil, of: nil, after: .slug("bass-guitar"), atMost: 1).count == 1)
    let names = try await store.skills(with: nil, of: .slug("programming"), after: nil, atMost: 100)
    #expect(names.filter { $0.name.hasPrefix("C") }.map(\.slug) == ["c", "cpp", "csharp"])
    #expect(try await store.slug(ofSkill: .id(guitars[0].id.value)) == "guitar")
    #expect(try await store.slug(ofSkill: .slug("nothing")) == nil)
    #expect(try await store.slug(ofCategory: .slug("music")) == "music")
  }

  @Test(arguments: [nil, "c", "guitar", "design", "nothing"])
  @Loop func `skills follow one another page by page, the name that was asked for first`(part: String?) async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let store = world.stores.taxonomy
    let whole = try await store.skills(with: part, of: nil, after: nil, atMost: 1000)
    let begins = whole.map { $0.name.lowercased().hasPrefix(part ?? "") }
    #expect(begins == begins.sorted { $0 && !$1 })
    if let part, whole.contains(where: { $0.name.lowercased() == part }) {
      #expect(whole.first?.name.lowercased() == part)
    }
    for byID in [true, false] {
      var paged: [Skills.Entry] = []
      while true {
        let last = paged.last.map { byID ? TaxonomyReference.id($0.id.value) : .slug($0.slug) }
        let page = try await store.skills(with: part, of: nil, after: last, atMost: 3)
        paged += page
        guard page.count == 3 else { break }
      }
      #expect(paged == whole)
    }
  }

  @Test @Loop func `a profile comes back as it was stored`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let store = world.stores.profiles
    let id = try await world.add("Ada")
    var profile = try #require(try await store.find(id))
    _ = try profile.apply(
      ChangeProfile(
        bio: .set(Biography("<b>\n")), location: .set(Place("Berlin")), timezone: .set(ZoneName("Europe/Berlin")!),
        languages: SpokenLanguages([LanguageTag("de-AT")!, LanguageTag("en")!]), learningStyle: .set(.kinesthetic),
        preferences: .set(
          Preferences(
            hours: WeeklyHours([
              WeeklyHours.Span(day: .sunday, start: ClockTime("10:00")!, end: ClockTime("24:00")!)
            ]), hoursPerWeek: HoursPerWeek(4), sessionMinutes: SessionMinutes(90))),
        privacy: ProfilePrivacy(listed: .nobody, location: .contacts, learning: .everyone)))
    profile.prove(email: "ada@example.org")
    _ = profile.show(Picture(digest: "0a"))
    profile.shutOut(true)
    try await store.save(profile)
    #expect(try await store.load(id) == profile)
    #expect(try await store.find([id, MemberID(at: .now)]) == [id: profile])
    // Telling of the member again changes nothing.
    try await store.add(
      MemberProfile(
        of: id, firstName: ProfileName("Other"), lastName: ProfileName("Name"), email: nil, now: .now))
    #expect(try await store.find(id) == profile)
  }

  @Test @Loop func `skills come back as they were stored, the best first where others see them`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let ada = try await world.add("Ada")
    try await world.teach(ada, "piano", 30)
    try await world.teach(ada, "guitar", 80, "Flamenco")
    var skills = try await world.stores.skills.all(of: ada)
    #expect(skills.all.map(\.name) == ["Piano", "Guitar"])
    #expect(try await world.stores.skills.taught(by: [ada])[ada]?.map(\.name) == ["Guitar", "Piano"])
    let change = try #require(
      try skills.change(ChangeSkill(id: skills.all[0].id, kind: .learning, description: .set(SkillDescription("?")))))
    try await world.stores.skills.save(change.fact.skill)
    try await world.stores.skills.remove(skills.all[1].id)
    _ = try skills.remove(skills.all[1].id)
    #expect(try await world.stores.skills.all(of: ada) == skills)
  }

  @Test @Loop func `contacts share a conversation, until one of them leaves it`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let (ada, bob, eve) = (MemberID(at: .now), MemberID(at: .now), MemberID(at: .now))
    let store = world.stores.connections
    let (first, second) = (UniqueID(at: .now), UniqueID(at: .now))
    try await store.join(first, [ada, bob])
    try await store.join(second, [ada, bob, eve])
    try await store.join(second, [eve])
    #expect(try await store.contacts(of: ada, among: [bob, eve]) == [bob, eve])
    try await store.leave(second, ada)
    #expect(try await store.contacts(of: ada, among: [bob, eve]) == [bob])
    #expect(try await store.contacts(of: eve, among: [ada]) == [])
  }

  @Test @Loop func `response metrics come back as they were heard last`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let member = MemberID(at: .now)
    #expect(try await world.stores.responses.find(member) == nil)
    for known in [
      KnownResponse(ratePercent: nil, averageMinutes: nil, isHidden: false),
      KnownResponse(ratePercent: 84.5, averageMinutes: 12.25, isHidden: true),
    ] {
      try await world.stores.responses.save(known, of: member)
      #expect(try await world.stores.responses.find(member) == known)
    }
  }
}
