import Contract
import EventLoop
import Mesh
import Postgres
import ProfilesAPI
import TestKit
import Testing

@testable import Profiles

@Suite struct DiscoveryTests {
  @Test @Loop func `members are found by what they offer, say, speak, and where they are`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let viewer = try await world.add("Viewer")
    let ada = try await world.add(
      "Ada",
      ChangeProfile(
        bio: .set(Biography("Patient teacher of beginners")), location: .set(Place("Berlin, Germany")),
        languages: SpokenLanguages([LanguageTag("de-AT")!])))
    let bob = try await world.add("Bob", ChangeProfile(location: .set(Place("East Berlin"))))
    _ = try await world.add("Zoë")
    try await world.teach(ada, "guitar", 80, "Fingerstyle and flamenco")
    try await world.teach(bob, "guitar", 30)
    try await world.teach(bob, "piano", 76)

    func find(_ request: SearchMembers, skill: String? = nil, category: String? = nil) async throws -> Set<String> {
      Set(try await world.find(request, for: viewer, skill: skill, category: category))
    }
    #expect(try await find(SearchMembers()) == ["Ada", "Bob", "Zoë"])
    #expect(try await find(SearchMembers(), skill: "guitar") == ["Ada", "Bob"])
    #expect(try await find(SearchMembers(minTier: .intermediate), skill: "guitar") == ["Ada", "Bob"])
    #expect(try await find(SearchMembers(minTier: .advanced), skill: "guitar") == ["Ada"])
    #expect(try await find(SearchMembers(minTier: .expert), category: "music") == ["Ada", "Bob"])
    #expect(try await find(SearchMembers(minTier: .expert)) == ["Ada", "Bob"])
    #expect(try await find(SearchMembers(), category: "languages") == [])
    #expect(try await find(SearchMembers(role: .provider)) == ["Ada", "Bob"])
    #expect(try await find(SearchMembers(location: Place("BERLIN"))) == ["Ada", "Bob"])
    #expect(try await find(SearchMembers(location: Place("berlin germany"))) == ["Ada"])
    #expect(try await find(SearchMembers(language: LanguageTag("de"))) == ["Ada"])
    #expect(try await find(SearchMembers(language: LanguageTag("de-CH"))) == [])
    #expect(try await find(SearchMembers(verified: true)) == [])
    for (text, names) in [
      ("guitars", ["Ada", "Bob"]), ("ada guitar", ["Ada"]), ("zoe", ["Zoë"]), ("ZOË test", ["Zoë"]),
      ("teachers beginner", ["Ada"]), ("\"fingerstyle and flamenco\"", ["Ada"]), ("guitar -piano", ["Ada"]),
      ("nothing", []), ("germany", []), ("the", []), ("a & (b | ' \\", []),
    ] {
      #expect(try await find(SearchMembers(q: SearchText(text))) == Set(names), "\(text)")
    }
  }

  /// Viewer × setting × filter: who is found, by asking for what is hidden and by sorting by it.
  @Test(arguments: [Audience.everyone, .contacts, .nobody])
  @Loop func `nobody is found or sorted by what the viewer may not know`(audience: Audience) async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let shown = try await world.add(
      "Shown", ChangeProfile(location: .set(Place("Berlin")), privacy: ProfilePrivacy(location: audience)))
    let other = try await world.add("Other")
    let friend = try await world.add("Friend", ChangeProfile(privacy: ProfilePrivacy(listed: .nobody)))
    let stranger = try await world.add("Stranger", ChangeProfile(privacy: ProfilePrivacy(listed: .nobody)))
    let former = try await world.add("Former", ChangeProfile(privacy: ProfilePrivacy(listed: .nobody)))
    try await world.connect(friend, shown)
    let conversation = UniqueID(at: .now)
    try await world.stores.connections.join(conversation, [former, shown])
    try await world.stores.connections.leave(conversation, former)
    try await world.show(shown, .online, to: audience, active: 1)
    try await world.show(other, .away, to: .everyone, active: 10)

    let viewers = [
      (friend, audience != .nobody), (stranger, audience == .everyone), (former, audience == .everyone),
    ]
    // In both ways to a page; of pages of one, neither how many there are nor their cursors tell more.
    let ways = [(nil, 100), (nil, 1), (ListingEffort(walked: 100, fewest: 0, gathered: 0), 1)]
    for ((viewer, mayKnow), (effort, page)) in viewers.flatMap({ viewer in ways.map { (viewer, $0) } }) {
      func find(_ request: SearchMembers) async throws -> [String] {
        try await world.find(request, for: viewer, page: page, effort)
      }
      let known = mayKnow ? ["Shown"] : []
      #expect(try await find(SearchMembers(location: Place("Berlin"))) == known)
      #expect(try await find(SearchMembers(onlineStatus: [.online])) == known)
      #expect(Set(try await find(SearchMembers(onlineStatus: [.online, .away]))) == Set(known + ["Other"]))
      #expect(try await find(SearchMembers(onlineStatus: [.offline])) == (mayKnow ? [] : ["Shown"]))
      #expect(
        Set(try await find(SearchMembers(onlineStatus: [.offline, .away])))
          == (mayKnow ? ["Other"] : ["Shown", "Other"]))
      #expect(try await find(SearchMembers(activeWithin: LookBack("5m"))) == known)
      #expect(Set(try await find(SearchMembers(activeWithin: LookBack("1h")))) == Set(known + ["Other"]))
      #expect(Set(try await find(SearchMembers(lastSeenWithin: LookBack("5m")))) == Set(known + ["Other"]))
      // Whose activity is not told comes last, wherever it would put them.
      #expect(try await find(SearchMembers(sort: .active)) == (mayKnow ? ["Shown", "Other"] : ["Other", "Shown"]))
      #expect(Set(try await find(SearchMembers())) == ["Shown", "Other"])
    }
  }

  @Test(arguments: [Audience.everyone, .contacts, .nobody])
  @Loop func `who wants to be found by contacts or nobody is not found by others`(audience: Audience) async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let shown = try await world.add("Shown", ChangeProfile(privacy: ProfilePrivacy(listed: audience)))
    let friend = try await world.add("Friend")
    let stranger = try await world.add("Stranger")
    try await world.connect(friend, shown)
    #expect(try await world.find(for: friend).contains("Shown") == (audience != .nobody))
    #expect(try await world.find(for: stranger).contains("Shown") == (audience == .everyone))
    #expect(try await world.find(for: shown).contains("Shown") == false)
  }

  @Test @Loop func `members who are parted by a block do not find one another, whoever blocked`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let ada = try await world.add("Ada")
    let bob = try await world.add("Bob", ChangeProfile(privacy: ProfilePrivacy(listed: .contacts)))
    try await world.connect(ada, bob)
    #expect(try await world.find(for: ada) == ["Bob"])
    try await world.stores.connections.block(ada, by: bob)
    #expect(try await world.find(for: ada) == [])
    #expect(try await world.find(for: bob) == [])
    #expect(try await world.stores.connections.areParted(ada, bob))
    try await world.stores.connections.unblock(ada, by: bob)
    #expect(try await world.find(for: ada) == ["Bob"])
    #expect(try await !world.stores.connections.areParted(ada, bob))
  }

  @Test(arguments: SearchMembers.Order.allCases)
  @Loop func `pages follow one another without gaps and repetitions`(order: SearchMembers.Order) async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let viewer = try await world.add("Viewer")
    for number in 0..<23 {
      let member = try await world.add(
        "Member \(number % 7)", number % 2 == 0 ? ChangeProfile(bio: .set(Biography("I teach."))) : ChangeProfile())
      if number % 3 == 0 { try await world.show(member, .away, to: .everyone, active: number % 6) }
      if number % 5 == 0 { try await world.connect(viewer, member) }
      if number % 10 == 0 { try await world.show(member, .busy, to: .contacts, active: number, version: 2) }
    }
    let whole = try await world.find(SearchMembers(sort: order), for: viewer)
    #expect(whole.count == 23)
    for page in [1, 2, 5, 22, 23] {
      #expect(try await world.find(SearchMembers(sort: order), for: viewer, page: page) == whole, "pages of \(page)")
    }
    // In each way, and with each given up at some point.
    for request in [
      SearchMembers(sort: order), SearchMembers(q: try SearchText("teach"), sort: order),
      SearchMembers(onlineStatus: [.away], sort: order), SearchMembers(onlineStatus: [.offline], sort: order),
      SearchMembers(onlineStatus: [.offline, .busy], lastSeenWithin: LookBack("5m"), sort: order),
    ] {
      let whole = try await world.find(request, for: viewer)
      for (walked, fewest, gathered) in [(100, 0, 0), (3, 0, 0), (1, 0, 0), (100, 100, 2), (3, 100, 4)] {
        let effort = ListingEffort(walked: walked, fewest: fewest, gathered: gathered)
        #expect(try await world.find(request, for: viewer, page: 4, effort) == whole, "\(effort)")
      }
    }
    if order == .name { #expect(whole == whole.sorted()) }
  }

  @Test @Loop func `a status that nobody confirms is found no more`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let viewer = try await world.add("Viewer")
    let ada = try await world.add("Ada")
    try await world.show(ada, .online, to: .everyone)
    #expect(try await world.stores.presences.lapse(now: world.now + .seconds(1199), atMost: 10) == [])
    #expect(try await world.find(SearchMembers(onlineStatus: [.online]), for: viewer) == ["Ada"])
    #expect(try await world.stores.presences.lapse(now: world.now + .seconds(1200), atMost: 10) == [ada])
    try await world.stores.list(ada)
    #expect(try await world.find(SearchMembers(onlineStatus: [.online]), for: viewer) == [])
    // What is older than what is known changes nothing; what confirms it or is later does.
    try await world.show(ada, .busy, to: .everyone, version: 0)
    #expect(try await world.find(SearchMembers(onlineStatus: [.offline]), for: viewer) == ["Ada"])
    try await world.show(ada, .online, to: .everyone, version: 1)
    #expect(try await world.find(SearchMembers(onlineStatus: [.online]), for: viewer) == ["Ada"])
    // Times that are hidden from now on are known no more.
    #expect(try await world.find(SearchMembers(activeWithin: LookBack("5m")), for: viewer) == ["Ada"])
    try await world.show(ada, .online, to: .everyone, active: nil, version: 1)
    #expect(try await world.find(SearchMembers(activeWithin: LookBack("5m")), for: viewer) == [])
    #expect(try await world.stores.presences.lapse(now: world.now + .seconds(1199), atMost: 10) == [])
    try await world.show(ada, .busy, to: .everyone, version: 2)
    #expect(try await world.find(SearchMembers(onlineStatus: [.busy]), for: viewer) == ["Ada"])
  }

  @Test @Loop func `made-up members are found like others, and are made once`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let viewer = try await world.add("Viewer")
    let skills = try await world.stores.taxonomy.all()
    let slugs = Dictionary(uniqueKeysWithValues: skills.map { ($0.id, $0.slug) })
    let population = Population(seed: 3, skills: skills)
    let members = try (0..<200).map { try population.inhabitant($0, now: world.now) }
    #expect(try await world.stores.population.add(members, slugs: slugs) == 200)
    #expect(try await world.stores.population.add(members, slugs: slugs) == 0)
    let providers = members.filter(\.skills.isProvider)
    #expect(try await world.find(SearchMembers(role: .provider), for: viewer).count == providers.count)
    // Each is as the service itself would have written them.
    func row(of member: MemberID) async throws -> String {
      try await world.database.query("select l::text from listings l where member_id = \(member)")[0].decode(column: 0)
    }
    for member in members.prefix(20).map(\.profile) {
      #expect(try await world.stores.profiles.find(member.id) == member)
      let before = try await row(of: member.id)
      try await world.stores.list(member.id)
      #expect(try await row(of: member.id) == before)
    }
  }

  @Test @Loop func `who is shut out is found by nobody until restored`() async throws {
    let world = try await TestMembers()
    defer { world.database.close() }
    let viewer = try await world.add("Viewer")
    let ada = try await world.add("Ada")
    for isShutOut in [true, false] {
      var profile = try #require(try await world.stores.profiles.load(ada))
      profile.shutOut(isShutOut)
      try await world.stores.profiles.save(profile)
      try await world.stores.list(ada)
      #expect(try await world.find(for: viewer) == (isShutOut ? [] : ["Ada"]))
    }
  }
}
