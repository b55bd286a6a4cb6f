import Contract
import EventLoop
import Postgres
import PresenceAPI
import TestKit
import Testing

@testable import Presence

@Suite(.timeLimit(.minutes(1))) struct StoreTests {
  @Loop private func open() async throws -> Database {
    let database = Database(.init(url: try await PostgresServer.shared().freshURL(), applicationName: "tests"))
    try await database.migrate(Migrations.all)
    return database
  }

  @Test @Loop func `a member comes back as they were stored`() async throws {
    let database = try await open()
    defer { database.close() }
    let store = MemberStore(database)
    #expect(try await store.find([ada]) == [:])
    var settings = try await store.load(ada)
    #expect(settings == MemberSettings(ada))
    settings.choice = StatusChoice(status: .busy, until: at(60), madeAt: noon, doNotDisturb: true)
    settings.customStatus = CustomStatus(
      message: try StatusMessage("Teaching"), emoji: try StatusEmoji("📚"), until: at(90))
    settings.privacy = Privacy(showOnlineStatus: .contacts, hideExactTimes: true)
    try await store.save(settings)
    #expect(try await store.load(ada) == settings)
    try await store.name(ada, first: "Ada", last: "Lovelace", avatar: "/ada.png")
    try await store.introduce(ada, first: "Augusta Ada", last: "King")
    (settings.firstName, settings.lastName, settings.avatar) = ("Ada", "Lovelace", "/ada.png")
    settings.availability = Availability(
      maxConcurrentSessions: try SessionLimit(4), acceptsOnline: false, acceptsInPerson: true,
      quietHours: QuietHours(start: TimeOfDay("22:00")!, end: TimeOfDay("07:30")!, timezone: "Europe/Berlin"))
    try await store.save(settings.availability!, of: ada)
    #expect(try await store.find([ada, bob]) == [ada: settings])
    (settings.choice, settings.customStatus, settings.availability) = (nil, nil, Availability())
    try await store.save(settings)
    try await store.save(Availability(), of: ada)
    #expect(try await store.find(ada) == settings)
  }

  @Test @Loop func `what others were told comes back, the oldest first`() async throws {
    let database = try await open()
    defer { database.close() }
    try await MemberStore(database).enter([ada, bob, ada])
    let store = StatusStore(database)
    let online = PresenceFact(
      member: ada, status: .online, lastActive: noon, visibleTo: .everyone, doNotDisturb: false, version: 7)
    let busy = PresenceFact(
      member: bob, status: .busy, lastActive: nil, visibleTo: .contacts, doNotDisturb: true, version: 8)
    try await store.save([online], now: at(0))
    try await store.save([busy], now: at(10))
    #expect(try await store.load([ada, bob]).mapValues(\.fact) == [ada: online, bob: busy])
    #expect(try await store.toldBefore(at(10), limit: 10) == [ada])
    #expect(try await store.toldBefore(at(11), limit: 10) == [ada, bob])
    #expect(try await store.counts() == [.online: 1, .busy: 1])
    var gone = online
    gone = PresenceFact(
      member: ada, status: .offline, lastActive: noon, visibleTo: .everyone, doNotDisturb: false, version: 9)
    try await store.save([gone], now: at(20))
    #expect(try await store.load([ada])[ada] == StatusStore.Told(fact: gone, at: at(20)))
    #expect(try await store.toldBefore(at(30), limit: 10) == [bob])
  }

  @Test @Loop func `lists and counts show whom the viewer may see, while that holds`() async throws {
    let database = try await open()
    defer { database.close() }
    let (circle, members) = (CircleStore(database), MemberStore(database))
    let all = (1...6).map { MemberID("01900000-0000-7000-8000-00000000000\($0)")! }
    try await members.enter(all + [ada])
    for (member, audience) in zip(all, [.everyone, .contacts, .contacts, .nobody, .everyone] as [StatusAudience]) {
      var settings = MemberSettings(member)
      settings.privacy.showOnlineStatus = audience
      try await members.save(settings)
    }
    try await StatusStore(database).save(
      all.map {
        PresenceFact(
          member: $0, status: .online, lastActive: nil, visibleTo: .everyone, doNotDisturb: false, version: 1)
      }, now: noon)
    try await circle.join([ada, all[2]], conversation: gatewayOne)
    try await circle.block(ada, by: all[4])
    try await members.mark(all[0], isProvider: true)
    func there(_ providersOnly: Bool = false, below cursor: MemberID? = nil, after: Timestamp = at(-1)) async throws
      -> [MemberID]
    {
      try await circle.there(for: ada, providersOnly: providersOnly, below: cursor, limit: 10, toldAfter: after)
    }
    #expect(try await there() == [all[5], all[2], all[0]])
    #expect(try await there(true) == [all[0]])
    #expect(try await there(below: all[2]) == [all[0]])
    #expect(try await there(after: noon) == [])
    #expect(try await circle.counts(for: ada, providersOnly: false, toldAfter: at(-1)) == [.online: 3])
    let seen = try await circle.look(at: all + [ada], by: ada)
    #expect(seen[all[2]]?.viewer == Viewer(isContact: true))
    #expect(seen[all[4]]?.viewer == Viewer(isBlocked: true))
    #expect(seen[ada]?.viewer == Viewer(isSelf: true, isContact: true))
    #expect(seen[all[0]]?.told == Sighting(status: .online, lastActive: nil) && seen[ada]?.told == nil)
    try await circle.leave(all[2], conversation: gatewayOne)
    try await circle.unblock(ada, by: all[4])
    #expect(try await there() == [all[5], all[4], all[0]])
  }
}
