import Contract
import EventLoop
import Foundation
import IdentityAPI
import Mesh
import MessagingAPI
import Postgres
import PresenceAPI
import ProfilesAPI
import ServiceKit
import TestKit
import Testing

@testable import Profiles

/// Members and what other services tell about them, against the built service over the broker.
@Suite(.timeLimit(.minutes(3))) struct ServiceTests {
  @Test @Loop func `a profile comes into being with its member, and is changed by its owner`() async throws {
    let world = try await ProfilesWorld()
    let ada = try world.register("Ada")
    // Asked at once: the answer waits for identity's word.
    let own = try await world.ask(OwnProfile(), as: ada).get()
    #expect((own.firstName.text, own.email, own.emailVerified) == ("Ada", "ada@example.org", false))
    #expect((own.version, own.completeness.percent, own.isProvider) == (1, 20, false))

    try world.tell(EmailVerified(member: ada, email: EmailAddress("ada@example.org")!))
    try await world.wait("the address is proven") { try await world.ask(OwnProfile(), as: ada).get().emailVerified }

    let change = ChangeProfile(
      lastName: try ProfileName("King"), bio: .set(try Biography("<script>alert(1)</script>")),
      timezone: .set(ZoneName("Asia/Kolkata")!))
    func send(ifMatch version: String) async throws -> Result<Profile, Problem> {
      try await world.ask(change, as: ada, client: ClientDetails(address: "127.0.0.1", ifMatch: version))
    }
    #expect(try await send(ifMatch: #""v1""#).problem?.status == 412)
    let changed = try await send(ifMatch: #""v2""#).get()
    #expect((changed.lastName.text, changed.bio?.text) == ("King", "<script>alert(1)</script>"))
    #expect((changed.version, changed.completeness.percent) == (3, 40))
    #expect(try await world.events(about: ada) == ["profiles.profile-changed"])

    let refused = try await world.ask(ChangeProfile(timezone: .set(ZoneName("Mars/Base")!)), as: ada).problem
    #expect((refused?.status, refused?.errors?.first?.pointer) == (422, "/timezone"))
    #expect(try await world.ask(OwnProfile(), as: MemberID(at: .now)).problem?.code == "profile_not_ready")
    try await world.end()
  }

  @Test @Loop func `skills are added, changed and removed, and providers told of`() async throws {
    let world = try await ProfilesWorld()
    let ada = try world.register("Ada")
    let guitar = try await world.skill("guitar", as: ada)
    let add = AddSkill(skillId: guitar, kind: .teaching, proficiency: try Proficiency(80))
    let added = try await world.ask(add, as: ada).get()
    #expect((added.name, added.category, added.tier, added.verified) == ("Guitar", "music", .expert, false))
    let again = try await world.ask(add, as: ada).problem
    #expect((again?.status, again?.code) == (409, "skill_exists"))
    let unknown = try await world.ask(
      AddSkill(skillId: SkillID(at: .now), kind: .teaching, proficiency: try Proficiency(8)), as: ada)
    #expect(unknown.problem?.errors?.map(\.code) == ["unknown_skill"])
    #expect(unknown.problem?.errors?.map(\.pointer) == ["/skillId"])

    let path: PathValues = ["id": added.id.description]
    let changed = try await world.ask(ChangeSkill(id: added.id, proficiency: try Proficiency(20)), as: ada, path: path)
    #expect(try changed.get().tier == .beginner)
    let bob = try world.register("Bob")
    _ = try await world.ask(OwnProfile(), as: bob).get()
    #expect(try await world.ask(RemoveSkill(id: added.id), as: bob, path: path).problem?.code == "skill_not_found")
    #expect(try await world.ask(OwnSkills(), as: ada).get().items == [try changed.get()])
    #expect(try await world.ask(ProfileOf(userId: ada), as: bob, path: ["userId": "\(ada)"]).get().isProvider)
    _ = try await world.ask(RemoveSkill(id: added.id), as: ada, path: path).get()
    #expect(try await world.ask(OwnSkills(), as: ada).get().items == [])
    #expect(
      try await world.events(about: ada) == [
        "profiles.skill-added", "profiles.became-provider", "profiles.skill-changed", "profiles.skill-removed",
        "profiles.ceased-to-be-provider",
      ])
    try await world.end()
  }

  @Test @Loop func `what others tell of a member is shown to those who may see it`() async throws {
    let world = try await ProfilesWorld()
    let (ada, bob, eve) = (try world.register("Ada"), try world.register("Bob"), try world.register("Eve"))
    for member in [ada, bob, eve] { _ = try await world.ask(OwnProfile(), as: member).get() }
    let guitar = try await world.skill("guitar", as: ada)
    _ = try await world.ask(AddSkill(skillId: guitar, kind: .teaching, proficiency: try Proficiency(80)), as: ada).get()
    func shown(to viewer: MemberID) async throws -> Result<PublicProfile, Problem> {
      try await world.ask(ProfileOf(userId: ada), as: viewer, path: ["userId": "\(ada)"])
    }
    func found(_ query: String, by viewer: MemberID) async throws -> [String] {
      try await world.ask(SearchMembers(), as: viewer, query: query).get().items.map(\.firstName.text)
    }

    let now = Timestamp.now
    try world.tell(
      CameOnline(
        PresenceFact(
          member: ada, status: .online, lastActive: now, visibleTo: .contacts, doNotDisturb: false, version: 1)))
    try world.tell(
      ConversationOpened(conversation: ConversationID(at: now), kind: .direct, opener: bob, participants: [ada, bob]))
    try await world.wait("Bob sees Ada") { try await shown(to: bob).get().presence.status == .online }
    #expect(try await shown(to: bob).get().presence.lastActive == now)
    #expect(try await shown(to: eve).get().presence == .unseen)
    #expect(try await found("onlineStatus=online&skill=guitar&q=ada", by: bob) == ["Ada"])
    #expect(try await found("onlineStatus=online", by: eve) == [])
    #expect(Set(try await found("onlineStatus=offline&onlineStatus=busy&role=provider", by: eve)) == ["Ada"])

    try world.tell(
      ResponseMetricsChanged(
        member: ada, responseRatePercent: 85, averageMinutes: 125, medianMinutes: 20, samples: 9, isHidden: false))
    try await world.wait("the metrics are there") { try await shown(to: eve).get().responseMetrics != nil }
    #expect(
      try await shown(to: eve).get().responseMetrics
        == ResponseSummary(averageText: "about 2 hours", responseRateText: "85%", enoughData: true))

    try world.tell(MemberBlocked(member: eve, blocked: ada))
    try await world.wait("Eve is parted from Ada") { try await shown(to: eve).problem?.status == 404 }
    #expect(try await found("", by: eve) == ["Bob"])
    #expect(try await found("", by: ada) == ["Bob"])
    try world.tell(MemberUnblocked(member: eve, blocked: ada))
    try await world.wait("Eve sees Ada again") { try await shown(to: eve).problem == nil }

    try world.tell(MemberSuspended(member: ada, until: now + .seconds(60), reason: "spam"))
    try await world.wait("Ada is gone") { try await shown(to: bob).problem?.status == 404 }
    #expect(try await found("", by: bob) == ["Eve"])
    try world.tell(MemberRestored(member: ada))
    try await world.wait("Ada is back") { try await found("sort=newest&q=ada", by: bob) == ["Ada"] }
    try await world.end()
  }

  @Test @Loop func `a picture is shown until another one is, and what nobody shows any more goes`() async throws {
    let world = try await ProfilesWorld()
    let (ada, bob) = (try world.register("Ada"), try world.register("Bob"))
    let (red, blue) = (
      try await PictureMakerTests.draw("png", "-size 90x60 xc:red"), try await PictureMakerTests.draw("gif")
    )
    let first = try await world.send(red, as: ada).get()
    #expect(first.avatarUrl.hasPrefix("/media/public/profiles/") && first.avatarUrl.hasSuffix("-256.webp"))
    #expect(world.pictures.count == 3)
    #expect(try await world.send(red, as: bob).get() == first)
    #expect(try await world.ask(OwnProfile(), as: ada).get().avatarUrl == first.avatarUrl)

    // Two at once: one of them stays, and the other is forgotten in time.
    let race = [blue, red].map { picture in Task { @Loop in try await world.send(picture, as: ada).get() } }
    for task in race { _ = try await task.value }
    let second = try await world.send(blue, as: ada).get()
    #expect(second != first && world.pictures.count == 6)
    for file in [Array("no picture".utf8), Array(blue.prefix(20))] {
      let problem = try await world.send(file, as: ada).problem
      #expect(["unknown_image_format", "broken_image"].contains(problem?.code))
    }
    #expect(try await world.ask(OwnProfile(), as: ada).get().avatarUrl == second.avatarUrl)
    _ = try await world.ask(RemoveAvatar(), as: bob).get()
    #expect(try await world.ask(OwnProfile(), as: bob).get().avatarUrl == nil)
    #expect(try await world.events(about: bob) == Array(repeating: "profiles.profile-changed", count: 2))

    // Ten minutes later.
    try await world.database.query("update mesh_timers set due_at = now() where name = 'picture-due'")
    try await world.wait("what nobody shows is gone") { world.pictures.count == 3 }
    #expect(world.pictures.contains(String(second.avatarUrl.split(separator: "/").last!)))
    try await world.end()
  }

  @Test @Loop func `staff edit the taxonomy, and members are found by what it says then`() async throws {
    let world = try await ProfilesWorld()
    let (ada, bob) = (try world.register("Ada"), try world.register("Bob"))
    let add = AddTaxonomySkill(name: try TaxonomyName("Lute"), category: .slug("music"))
    #expect(try await world.ask(add, as: ada).problem?.status == 403)
    let lute = try await world.ask(add, as: ada, role: .admin).get()
    #expect((lute.slug, lute.category) == ("lute", "music"))
    #expect(try await world.ask(add, as: ada, role: .admin).problem?.code == "name_taken")
    let early = try await world.ask(AddCategory(name: try TaxonomyName("Early Music")), as: ada, role: .admin).get()
    #expect(early.slug == "early-music")
    _ = try await world.ask(
      AddSkill(skillId: lute.id, kind: .teaching, proficiency: try Proficiency(50)), as: ada
    ).get()

    let path: PathValues = ["id": "\(lute.id)"]
    let moved = try await world.ask(
      ChangeTaxonomySkill(
        id: lute.id, name: try TaxonomyName("Theorbo"), category: .id(early.id.value), isRetired: true),
      as: ada, role: .admin, path: path
    ).get()
    #expect(moved == Skills.Entry(id: lute.id, slug: "lute", name: "Theorbo", category: "early-music"))
    _ = try await world.ask(OwnProfile(), as: bob).get()
    try await world.wait("Ada is found by the new name") {
      try await world.ask(SearchMembers(), as: bob, query: "q=theorbo&category=early-music").get().items.count == 1
    }
    let taken = try await world.ask(
      AddSkill(skillId: lute.id, kind: .teaching, proficiency: try Proficiency(50)), as: bob)
    #expect(taken.problem?.errors?.map(\.code) == ["unknown_skill"])
    #expect(try await world.ask(Skills(), as: bob, query: "q=theorbo").get().version == 4)
    #expect(try await world.events(about: MemberID(TaxonomyChanged.taxonomy)).count == 3)
    try await world.end()
  }

  @Test @Loop func `what cannot be looked for is said, field by field`() async throws {
    let world = try await ProfilesWorld()
    let ada = try world.register("Ada")
    for (query, fields) in [
      ("skill=nothing", ["?skill"]), ("skill=\(UniqueID(at: .now))", ["?skill"]), ("category=nothing", ["?category"]),
      ("cursor=x", ["?cursor"]), ("location=,", ["?location"]),
      (
        "minTier=guru&minRating=6&limit=0&activeWithin=1w&sort=luck",
        ["?activeWithin", "?limit", "?minRating", "?minTier", "?sort"]
      ),
    ] {
      let problem = try await world.ask(SearchMembers(), as: ada, query: query).problem
      #expect(problem?.status == 422, "\(query)")
      #expect(problem?.errors?.map(\.pointer).sorted() == fields, "\(query)")
    }
    let categories = try await world.ask(SkillCategories(), as: ada).get()
    #expect(categories.items.count == 16 && categories.version == 1)
    let first = try await world.ask(Skills(), as: ada, query: "limit=100").get()
    let rest = try await world.ask(Skills(), as: ada, query: "limit=100&cursor=\(first.nextCursor!)").get()
    let last = try await world.ask(Skills(), as: ada, query: "cursor=\(rest.nextCursor!)").get()
    #expect(Set((first.items + rest.items + last.items).map(\.slug)).count == 205 && last.nextCursor == nil)
    try await world.end()
  }
}
