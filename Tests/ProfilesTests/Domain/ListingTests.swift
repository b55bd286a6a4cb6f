import Contract
import ProfilesAPI
import Testing

@testable import Profiles

@Suite struct ListingTests {
  let now = Timestamp("2026-03-01T12:00:00Z")!

  private func profile(_ change: ChangeProfile = ChangeProfile()) throws -> MemberProfile {
    var profile = MemberProfile(
      of: MemberID(at: now), firstName: try ProfileName("Zoë"), lastName: try ProfileName("Müller"), email: nil,
      now: now)
    _ = try profile.apply(change)
    return profile
  }

  private func presence(_ status: OnlineStatus, _ audience: Audience) -> KnownPresence {
    KnownPresence(status: status, visibleTo: audience, activeAt: now, version: 1, now: now)
  }

  @Test func `terms say what is offered at which tier, what is spoken, and where`() throws {
    let profile = try profile(
      ChangeProfile(location: .set(Place("São Paulo, Brasil")), languages: SpokenLanguages([LanguageTag("pt-BR")!])))
    let skill = MemberSkill(
      id: MemberSkillID(at: now), skillId: SkillID(at: now), name: "Bass Guitar", category: "music", kind: .teaching,
      proficiency: try Proficiency(55), description: try SkillDescription("Slap & groove"), verified: false)
    let wish = MemberSkill(
      id: MemberSkillID(at: now), skillId: SkillID(at: now), name: "Yoga", category: "sports", kind: .learning,
      proficiency: try Proficiency(5), description: nil, verified: false)
    let listing = try #require(
      Listing(profile, SkillSet(of: profile.id, [skill, wish]), slugs: [skill.skillId: "bass-guitar"], nil))
    #expect(
      listing.terms == [
        "category:music", "category:music:advanced", "category:music:intermediate", "language:pt", "language:pt-br",
        "place:brasil", "place:paulo", "place:sao", "provider", "skill:bass-guitar", "skill:bass-guitar:advanced",
        "skill:bass-guitar:intermediate", "tier:advanced", "tier:intermediate",
      ])
    #expect(listing.names == "zoe muller")
    #expect(listing.text == "bass guitar\nslap & groove")
    #expect(!listing.tellsContactsMore)
  }

  @Test func `what only contacts may know is kept apart, and what nobody may know is nowhere`() throws {
    for (audience, isPublic, isForContacts) in [
      (Audience.everyone, true, false), (.contacts, false, true), (.nobody, false, false),
    ] {
      let profile = try profile(
        ChangeProfile(location: .set(Place("Berlin")), privacy: ProfilePrivacy(location: audience)))
      let listing = try #require(
        Listing(profile, SkillSet(of: profile.id, []), slugs: [:], presence(.online, audience)))
      for term in ["place:berlin", "status:online"] {
        #expect(listing.terms.contains(term) == isPublic, "\(term) for \(audience)")
        #expect(listing.contactTerms.contains(term) == isForContacts, "\(term) for \(audience)")
      }
      #expect(listing.tellsContactsMore == isForContacts)
    }
  }

  @Test func `who is offline has no status to be found by, but may tell contacts when they were there`() throws {
    let profile = try profile()
    let listing = try #require(
      Listing(profile, SkillSet(of: profile.id, []), slugs: [:], presence(.offline, .contacts)))
    #expect(listing.terms.isEmpty && listing.contactTerms.isEmpty && listing.tellsContactsMore)
  }

  @Test func `who is shut out or wants it so is not listed`() throws {
    var shutOut = try profile()
    shutOut.shutOut(true)
    let skills = SkillSet(of: shutOut.id, [])
    #expect(Listing(shutOut, skills, slugs: [:], nil) == nil)
    let shy = try profile(ChangeProfile(privacy: ProfilePrivacy(listed: .nobody)))
    #expect(Listing(shy, skills, slugs: [:], nil) == nil)
    let reserved = try profile(ChangeProfile(privacy: ProfilePrivacy(listed: .contacts)))
    #expect(Listing(reserved, skills, slugs: [:], nil)?.listedTo == .contacts)
  }

  @Test func `one friend's five stars do not stand above many good ratings`() throws {
    let profile = try profile()
    func standing(_ average: Double?, _ count: Int) throws -> Int {
      let rating = RatingSummary(average: average, count: count)
      return try #require(Listing(profile, SkillSet(of: profile.id, []), slugs: [:], nil, rating: rating)).standing
    }
    #expect(try standing(5, 1) < standing(4.7, 40))
    #expect(try standing(nil, 0) == 350 + 20)
    #expect(try standing(1, 30) < standing(nil, 0))
  }

  @Test func `a status that nobody confirms lapses, for those who may see it`() {
    let presence = presence(.busy, .contacts)
    #expect(presence.summary(for: .stranger, now: now) == .unseen)
    #expect(presence.summary(for: .contact, now: now) == PresenceSummary(status: .busy, lastActive: now))
    let late = now + .seconds(20 * 60)
    #expect(presence.summary(for: .contact, now: late) == PresenceSummary(status: .offline, lastActive: now))
  }

  @Test func `a cursor comes back as it was, and only for its own order`() throws {
    let cursor = SearchCursor(.name, name: "zoe müller \u{1F469}", MemberID(at: now))
    #expect(SearchCursor(cursor.text, for: .name) == cursor)
    #expect(cursor.text.utf8.allSatisfy { "-_".utf8.contains($0) || UInt8(ascii: "0")...UInt8(ascii: "z") ~= $0 })
    #expect(SearchCursor(cursor.text, for: .best) == nil)
    for text in ["", "x", "e30", String(repeating: "A", count: 5000)] {
      #expect(SearchCursor(text, for: .name) == nil)
    }
    let best = SearchCursor(.best, number: 412, MemberID(at: now))
    #expect(SearchCursor(best.text, for: .best) == best)
  }
}
