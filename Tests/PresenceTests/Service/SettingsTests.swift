import Contract
import EventLoop
import Foundation
import Mesh
import MessagingAPI
import Postgres
import PresenceAPI
import ProfilesAPI
import ServiceKit
import TestKit
import Testing

@testable import Presence

/// What members set and see, asked as through the gateway.
@Suite(.timeLimit(.minutes(3))) struct SettingsTests {
  @Test @Loop func `choices, messages, privacy and availability are kept, and seen by those who may`() async throws {
    let world = try await PresenceWorld()
    let (ada, bob) = (try await world.register("Ada"), try await world.register("Bob"))
    try await choices(world, ada, bob)
    try await faults(world, ada)
    try await privacy(world, ada, bob)
    try await availability(world, ada, bob)
    try await lists(world)
    try await world.end()
  }

  @Loop private func choices(_ world: PresenceWorld, _ ada: MemberID, _ bob: MemberID) async throws {
    #expect(
      try await world.presence(of: ada, by: bob)
        == PresenceView(userId: ada, status: .offline, lastActive: nil, lastActiveText: "Offline", customStatus: nil))
    let until = Timestamp.now + .seconds(3600)
    let chosen = try await world.ask(
      ChooseStatus(
        status: .busy, until: .set(until), message: .set(try StatusMessage("Teaching")),
        emoji: .set(try StatusEmoji("📚"))),
      as: ada
    ).get()
    let custom = CustomStatus(message: try StatusMessage("Teaching"), emoji: try StatusEmoji("📚"), until: until)
    #expect(chosen.status == .busy && chosen.customStatus == custom)
    #expect(try await world.presence(of: ada, by: bob).customStatus == custom)
    #expect(try await world.presence(of: ada, by: bob).status == .busy)
    #expect(
      try await world.ask(StatusOf(userId: ada), as: bob, path: ["userId": "\(ada)"]).get()
        == world.presence(of: ada, by: bob))
    try await world.wait("the word of it") { try world.told(about: ada) == [.busy] }
    try await world.choose(ChooseStatus(status: .away, message: .clear, emoji: .clear), as: ada)
    #expect(try await world.presence(of: ada, by: bob).status == .away)
    #expect(try await world.presence(of: ada, by: bob).customStatus == nil)
    try await world.choose(ChooseStatus(status: .online), as: ada)
    #expect(try await world.presence(of: ada, by: bob).status == .offline)
    try await world.wait("the end of it") { try world.told(about: ada).last == .offline }
    try await world.choose(ChooseStatus(status: .busy, until: .set(.now + .milliseconds(300))), as: ada)
    try await world.wait(until: ada, is: .offline, for: bob)
    try await world.wait("the choice is gone") {
      try await world.database.query("select choice from members where id = \(ada)").first?
        .decode(column: 0, as: String?.self) == nil
    }
  }

  @Loop private func faults(_ world: PresenceWorld, _ ada: MemberID) async throws {
    func pointers(_ body: String) async throws -> [String] {
      guard case .failure(let problem) = try await world.ask(ChooseStatus(), as: ada, body: body) else { return [] }
      #expect(problem.status == 422)
      return problem.errors?.map { "\($0.pointer) \($0.code)" } ?? []
    }
    #expect(
      try await pointers(#"{"status":"asleep","until":"soon","message":"","emoji":"x"}"#)
        == ["/status choice", "/until invalid", "/message too_short", "/emoji emoji"])
    #expect(try await pointers(#"{"status":"busy","until":"2020-01-01T00:00:00Z"}"#) == ["/until range"])
    #expect(try await pointers(#"{"status":"away","doNotDisturb":true}"#) == ["/doNotDisturb conflict"])
    #expect(try await pointers(#"{"message":"\#(String(repeating: "a", count: 141))"}"#) == ["/message too_long"])
    for (body, pointer) in [
      (#"{}"#, "/deviceId required"), (#"{"deviceId":"a b"}"#, "/deviceId device"),
      (#"{"deviceId":"a","appState":"asleep"}"#, "/appState choice"),
      (#"{"deviceId":"a","status":"busy"}"#, "/status choice"),
    ] {
      let answer = try await world.ask(Heartbeat(deviceId: .sample), as: ada, body: body)
      guard case .failure(let problem) = answer else { throw NeverHappened("a refusal of \(body)") }
      #expect(problem.errors?.map { "\($0.pointer) \($0.code)" } == [pointer])
    }
    let unknown = MemberID(at: .now)
    let absent = try await world.ask(PresenceOf(userId: unknown), as: ada, path: ["userId": "\(unknown)"])
    guard case .failure(let missing) = absent else { throw NeverHappened("a refusal") }
    #expect(missing.status == 404 && missing.code == "member_not_found")
    let many = (0...200).map { _ in "\"\(unknown)\"" }.joined(separator: ",")
    let tooMany = try await world.ask(PresenceQuery(userIds: .sample), as: ada, body: #"{"userIds":[\#(many)]}"#)
    guard case .failure(let problem) = tooMany else { throw NeverHappened("a refusal") }
    #expect(problem.errors?.map(\.pointer) == ["/userIds"])
  }

  @Loop private func privacy(_ world: PresenceWorld, _ ada: MemberID, _ bob: MemberID) async throws {
    try await world.choose(ChooseStatus(status: .busy, message: .set(try StatusMessage("Here"))), as: ada)
    try await world.show(to: .contacts, as: ada)
    #expect(try await world.ask(PrivacySettings(), as: ada).get() == Privacy(showOnlineStatus: .contacts))
    let nobody = PresenceView(
      userId: ada, status: .offline, lastActive: nil, lastActiveText: "Offline", customStatus: nil)
    #expect(try await world.presence(of: ada, by: bob) == nobody)
    #expect(try await world.presence(of: ada, by: ada).status == .busy)
    #expect(try await world.watch(ada, as: bob).grant.view == WatchPresence.hiddenView)
    #expect(try await world.watch(ada, as: bob).told.status == .offline)
    let rechecks = world.rechecks(of: ada)
    let conversation = try await world.converse(ada, bob)
    #expect(try await world.presence(of: ada, by: bob).status == .busy)
    try await world.wait("a look at the grants") { world.rechecks(of: ada) > rechecks }
    let watched = try await world.watch(ada, as: bob)
    #expect(watched.grant.view == WatchPresence.fullView && watched.grant.listing == nil)
    #expect(watched.told.status == .busy && watched.told.user.firstName == "Ada")
    try world.tell(MemberBlocked(member: bob, blocked: ada))
    try await world.wait(until: ada, is: .offline, for: bob)
    try world.tell(MemberUnblocked(member: bob, blocked: ada))
    try await world.wait(until: ada, is: .busy, for: bob)
    try world.tell(ParticipantLeft(conversation: conversation, member: bob, by: bob))
    try await world.wait(until: ada, is: .offline, for: bob)
    try await world.show(to: .everyone, as: ada)
    #expect(try await world.watch(ada, as: ada).grant.listing?.name == "Ada Lovelace")
    try await world.show(to: .nobody, as: ada)
    #expect(try await world.presence(of: ada, by: bob) == nobody)
    #expect(try await world.watch(ada, as: ada).grant.listing == nil)
    try await world.wait("ada is hidden") { world.hidden == ["\(ada)"] }
    try await world.show(to: .everyone, as: ada)
    try await world.wait("ada is not hidden") { world.hidden.isEmpty }
    try await world.choose(ChooseStatus(status: .offline), as: ada)
    try await world.wait("ada is hidden by choice") { world.hidden == ["\(ada)"] }
    try await world.choose(ChooseStatus(status: .online), as: ada)
    try await world.wait("ada is back") { world.hidden.isEmpty }
    try await world.wait("services know") {
      try await world.statusEvents(about: ada).last == "went-offline offline"
    }
  }

  @Loop private func availability(_ world: PresenceWorld, _ ada: MemberID, _ bob: MemberID) async throws {
    #expect(try await world.ask(ProviderSettings(), as: ada).get() == Availability())
    let quiet = QuietHours(start: TimeOfDay("00:00")!, end: TimeOfDay("23:59")!, timezone: "Europe/Berlin")
    let wanted = Availability(
      maxConcurrentSessions: try SessionLimit(3), acceptsOnline: false, acceptsInPerson: true, quietHours: quiet)
    #expect(try await world.ask(ChangeProviderSettings(wanted), as: ada).get() == wanted)
    #expect(try await world.ask(ProviderSettings(), as: ada).get() == wanted)
    for (hours, pointer) in [
      (#"{"start":"22:00","end":"22:00","timezone":"UTC"}"#, "/quietHours/end"),
      (#"{"start":"22:00","end":"07:00","timezone":"Mars/Base"}"#, "/quietHours/timezone"),
      (#"{"start":"25:00","end":"07:00","timezone":"UTC"}"#, "/quietHours/start"),
    ] {
      let body = #"{"maxConcurrentSessions":1,"acceptsOnline":true,"acceptsInPerson":true,"quietHours":\#(hours)}"#
      let answer = try await world.ask(ChangeProviderSettings(wanted), as: ada, body: body)
      guard case .failure(let problem) = answer else {
        throw NeverHappened("a refusal of \(hours)")
      }
      #expect(problem.errors?.map(\.pointer) == [pointer])
    }
    _ = try await world.ask(ChangeProviderSettings(Availability()), as: ada).get()
    #expect(try await world.ask(ProviderSettings(), as: ada).get() == Availability())
  }

  @Loop private func lists(_ world: PresenceWorld) async throws {
    let members = try await world.register(count: 5)
    let viewer = members[0]
    for member in members[1...] {
      try await world.beat(member)
      try world.tell(BecameProvider(member: member))
    }
    try await world.choose(ChooseStatus(status: .busy), as: members[1])
    try await world.show(to: .nobody, as: members[2])
    try await world.choose(ChooseStatus(status: .offline), as: members[3])
    func page(_ query: String) async throws -> WhoIsOnline.Reply {
      try await world.ask(WhoIsOnline(), as: viewer, query: query).get()
    }
    try await world.wait("two providers are there") {
      try await page("role=provider").items.map(\.userId) == [members[4], members[1]]
    }
    #expect(try await page("role=provider").items.map(\.status) == [.online, .busy])
    let first = try await page("role=provider&limit=1")
    #expect(first.items.map(\.userId) == [members[4]] && first.nextCursor == "\(members[4])")
    let second = try await page("role=provider&limit=1&cursor=\(first.nextCursor!)")
    #expect(second.items.map(\.userId) == [members[1]])
    let counts = PresenceCounts.Reply(online: 1, away: 0, busy: 1)
    #expect(try await world.ask(PresenceCounts(role: .provider), as: viewer, query: "role=provider").get() == counts)
    let query = PresenceQuery(userIds: try MemberList([members[3], members[1], MemberID(at: .now), members[2]]))
    let items = try await world.ask(query, as: viewer).get().items
    #expect(items.map(\.userId) == [members[3], members[1], members[2]])
    #expect(items.map(\.status) == [.offline, .busy, .offline])
    #expect(items[2].lastActive == nil, "it leaks nothing of whom nobody may see")
  }
}
