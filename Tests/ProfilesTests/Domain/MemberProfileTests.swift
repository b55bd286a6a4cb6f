import Contract
import ProfilesAPI
import Testing

@testable import Profiles

@Suite struct MemberProfileTests {
  let now = Timestamp("2026-03-01T12:00:00Z")!

  private func profile() throws -> MemberProfile {
    MemberProfile(
      of: MemberID(at: now), firstName: try ProfileName("Ada"), lastName: try ProfileName("Lovelace"),
      email: "ada@example.org", now: now)
  }

  @Test func `a change that others see is told, with a new version`() throws {
    var profile = try profile()
    let told = try profile.apply(
      ChangeProfile(firstName: try ProfileName("Augusta"), timezone: .set(ZoneName("Asia/Kolkata")!)))
    #expect(told?.firstName.text == "Augusta" && told?.timezone?.text == "Asia/Kolkata")
    #expect(profile.version == 2 && profile.entityTag == "\"v2\"")
    // The biography is shown by profiles alone.
    #expect(try profile.apply(ChangeProfile(bio: .set(Biography("I teach.")))) == nil)
    #expect(profile.version == 3)
    #expect(try profile.apply(ChangeProfile()) == nil)
    #expect(try profile.apply(ChangeProfile(bio: .set(Biography("I teach.")))) == nil)
    #expect(profile.version == 3)
  }

  @Test(arguments: ["Europe/Atlantis", "Mars/Base", "GMT/5"])
  func `a zone that no database has is refused, and nothing is changed`(name: String) throws {
    var profile = try profile()
    let before = profile
    let change = ChangeProfile(firstName: try ProfileName("Augusta"), timezone: .set(ZoneName(name)!))
    #expect(throws: InvalidField(pointer: "/timezone", value: ZoneName.unknown)) { try profile.apply(change) }
    #expect(profile == before)
  }

  @Test func `completeness counts each part the same and names what is missing`() throws {
    var profile = try profile()
    var skills = SkillSet(of: profile.id, [])
    #expect(profile.completeness(with: skills) == .init(percent: 20, missing: Profile.Part.allCases))
    _ = try profile.apply(
      ChangeProfile(
        bio: .set(Biography("I teach.")), location: .set(Place("Berlin")), timezone: .set(ZoneName("Europe/Berlin")!),
        languages: try SpokenLanguages([LanguageTag("de")!]), learningStyle: .set(.visual),
        preferences: .set(Preferences(hoursPerWeek: try HoursPerWeek(4)))))
    #expect(profile.completeness(with: skills) == .init(percent: 80, missing: [.avatar, .skills]))
    _ = profile.show(Picture(digest: "0a"))
    let guitar = TaxonomySkill(id: SkillID(at: now), slug: "guitar", name: "Guitar", category: "music")
    _ = try skills.add(
      AddSkill(skillId: guitar.id, kind: .learning, proficiency: try Proficiency(5)), guitar,
      id: MemberSkillID(at: now))
    #expect(profile.completeness(with: skills) == .init(percent: 100, missing: []))
    _ = try profile.apply(ChangeProfile(bio: .clear))
    #expect(profile.completeness(with: skills) == .init(percent: 90, missing: [.bio]))
  }

  @Test(arguments: [
    (0.4, "about 1 minute"), (29.6, "about 30 minutes"), (59.6, "about 1 hour"), (89, "about 1 hour"),
    (130, "about 2 hours"), (1416, "about 1 day"), (4320, "about 3 days"),
  ])
  func `how fast somebody answers is said in round words`(minutes: Double, words: String) {
    let known = KnownResponse(ratePercent: 84.6, averageMinutes: minutes, isHidden: false)
    #expect(known.summary == ResponseSummary(averageText: words, responseRateText: "85%", enoughData: true))
    #expect(KnownResponse(ratePercent: 84.6, averageMinutes: minutes, isHidden: true).summary == nil)
  }

  @Test func `too few answers are said to be too few`() {
    let known = KnownResponse(ratePercent: nil, averageMinutes: nil, isHidden: false)
    #expect(known.summary == ResponseSummary(averageText: nil, responseRateText: nil, enoughData: false))
  }
}
