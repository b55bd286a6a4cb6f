import Contract
import EventLoop
import Mesh
import Redis
import TestKit
import Testing

@testable import Gateway

/// Who may listen to what, and for how long.
@Suite(.timeLimit(.minutes(2))) struct AdmissionTests {
  private func room() -> Channel { Channel("private-room-\(UniqueID(at: .now))")! }

  /// The word of the refusal that a subscription gets; nil when it stands.
  @Loop private func refusal(_ client: TestClient, _ channel: String, after: Position? = nil) async throws -> String? {
    do {
      try await client.subscribe(try #require(Channel(channel)), after: after)
      return nil
    } catch let refusal as RealtimeRefusal {
      return "\(refusal.status) \(refusal.code)"
    }
  }

  @Test @Loop func `each kind of channel lets in whom it is for`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let member = MemberID(at: .now)
    let (client, nobody) = (try gateway.client(member), try gateway.client(nil))
    #expect(try await refusal(client, "news-\(member)") == nil)
    #expect(try await refusal(nobody, "news-\(member)") == nil)
    #expect(try await refusal(client, "private-user-\(member)") == nil)
    #expect(try await refusal(nobody, "private-user-\(member)") == "401 not_signed_in")
    #expect(try await refusal(client, "private-user-\(MemberID(at: .now))") == "403 forbidden")
    #expect(try await refusal(client, "private-nothing") == "404 unknown_channel")
    #expect(try await refusal(client, "presence-nothing") == "404 unknown_channel")
    #expect(try await refusal(nobody, "presence-room-1") == "401 not_signed_in")
    #expect(gateway.questions.isEmpty)
    #expect(try await refusal(client, "presence-room-1") == nil)
    let passport = try #require(gateway.questions.first?.passport)
    #expect(passport.endpoint == "rooms.enter")
    #expect(passport.caller.member == member)
    #expect(passport.path == ["room": "1"])
    #expect(try await refusal(client, "presence-room-1") == "409 already_subscribed")
  }

  @Test @Loop func `the owner's no is passed on, and its silence is no answer`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let client = try gateway.client()
    gateway.answer = { _ in TestGateway.refuses(404, "no_such_room") }
    #expect(try await refusal(client, "private-room-1") == "404 no_such_room")
    gateway.answer = { _ in .failure(.timedOut(endpoint: "rooms.open")) }
    #expect(try await refusal(client, "private-room-2") == "503 unavailable")
    gateway.answer = { _ in TestGateway.grants(ChannelGrant()) }
    #expect(try await refusal(client, "private-room-2") == nil)
    // A no is remembered for a while, trouble is not.
    #expect(try await refusal(client, "private-room-1") == "404 no_such_room")
    #expect(gateway.questions.count == 3)
  }

  @Test @Loop func `who is not let in any more is sent away, at all gateways`() async throws {
    let (first, second) = (try await TestGateway(), try await TestGateway())
    defer { [first, second].forEach { $0.stop() } }
    let channel = room()
    let banned = MemberID(at: .now)
    let (stays, goes, goesToo) = (try first.client(), try first.client(banned), try second.client(banned))
    for client in [stays, goes, goesToo] { try await client.subscribe(channel) }
    for gateway in [first, second] {
      gateway.answer = { question in
        question.passport.caller.member == banned
          ? TestGateway.refuses(403, "banned") : TestGateway.grants(ChannelGrant())
      }
    }
    try await first.realtime.hub.announceRecheck(channel)
    try await goes.expect(["subscribed", "expelled banned"])
    try await goesToo.expect(["subscribed", "expelled banned"])
    try await first.push("said", "1", to: channel)
    try await stays.expect(["subscribed", "said 1"])
    #expect(goes.told == ["subscribed", "expelled banned"])
    #expect(try await refusal(goes, "\(channel)") == "403 banned")
  }

  @Test @Loop func `who sees a channel in another way is shown how things stand in it`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room()
    gateway.answer = { _ in TestGateway.grants(ChannelGrant(view: "guest")) }
    let client = try gateway.client()
    try await client.subscribe(channel)
    gateway.answer = { _ in
      TestGateway.grants(ChannelGrant(view: "friend", greetings: [.init(name: "now", data: "2")]))
    }
    try await gateway.realtime.hub.announceRecheck(channel)
    try await client.expect(["subscribed", "now 2"])
    try await gateway.push("a", to: channel, view: "guest")
    try await gateway.push("b", to: channel, view: "friend")
    try await client.expect(["subscribed", "now 2", "b {}"])
  }

  @Test @Loop func `an owner that is silent when asked again leaves things as they are until it answers`() async throws
  {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room()
    let client = try gateway.client()
    try await client.subscribe(channel)
    gateway.answer = { _ in .failure(.timedOut(endpoint: "rooms.open")) }
    gateway.realtime.recheck(channel)
    try await gateway.push("said", "1", to: channel)
    try await client.expect(["subscribed", "said 1"])
    gateway.answer = { _ in TestGateway.refuses(403, "banned") }
    try await client.expect(["subscribed", "said 1", "expelled banned"])
  }

  @Test @Loop func `an answer that a recheck has overtaken counts for nothing`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room()
    var asked = 0
    gateway.answer = { [unowned gateway] _ in
      asked += 1
      guard asked == 1 else { return TestGateway.refuses(403, "banned") }
      // The owner changes its mind while its first answer is on the way.
      gateway.realtime.admission.forget(channel)
      return TestGateway.grants(ChannelGrant())
    }
    #expect(try await refusal(try gateway.client(), "\(channel)") == "403 banned")
    #expect(asked == 2)
  }

  // MARK: Sessions

  @Test @Loop func `a suspended member's sockets are closed, others are not`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let member = MemberID(at: .now)
    let (one, two, other) = (try gateway.client(member), try gateway.client(member), try gateway.client())
    let revocation = Revocation(until: .now + .seconds(100), reason: .suspended)
    gateway.revocations.set(revocation, for: "member:\(member)")
    gateway.realtime.revoked("member:\(member)")
    #expect(one.closings == [.revoked])
    #expect(two.closings == [.revoked])
    #expect(other.closings == [])
    #expect(throws: RealtimeRefusal.self) { try gateway.client(member) }
    let signIn = try #require(other.session.signedIn?.session)
    gateway.revocations.set(revocation, for: "session:\(signIn)")
    gateway.realtime.revoked("session:\(signIn)")
    #expect(other.closings == [.revoked])
  }

  @Test @Loop func `a socket ends with its token, unless a later one came`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let soon = Timestamp.now + .milliseconds(100)
    let (expires, renewed) = (try gateway.client(expiry: soon), try gateway.client(expiry: soon))
    let before = try #require(renewed.session.signedIn)
    try gateway.realtime.signIn(
      renewed.session,
      as: SignedIn(member: before.member, role: .member, session: before.session, expiry: .now + .seconds(100)))
    try await eventually { expires.closings == [.expired] }
    #expect(renewed.closings == [])
  }

  @Test @Loop func `a socket is one member's, and a member has so many`() async throws {
    var options = Realtime.Options()
    options.connections = 4
    options.connectionsOfMember = 2
    let gateway = try await TestGateway(nil, options)
    defer { gateway.stop() }
    let member = MemberID(at: .now)
    let first = try gateway.client(member)
    let other = SignedIn(member: ID(at: .now), role: .member, session: ID(at: .now), expiry: .now + .seconds(9))
    #expect(throws: RealtimeRefusal.otherMember) { try gateway.realtime.signIn(first.session, as: other) }
    _ = try gateway.client(member)
    #expect(throws: RealtimeRefusal.tooManyConnections) { try gateway.client(member) }
    gateway.realtime.close(first.session, isOrderly: true)
    _ = try gateway.client(member)
    let late = try gateway.client(nil)
    let another = SignedIn(member: member, role: .member, session: ID(at: .now), expiry: .now + .seconds(9))
    await #expect(throws: RealtimeRefusal.tooManyConnections) {
      try await gateway.signIn.signIn(late.session.id, as: another)
    }
    #expect(late.closings == [.tooMany])
    // The one that was refused at first still counts among all.
    #expect(gateway.realtime.connectionCount == 3)
    _ = try gateway.client(nil)
    #expect(gateway.realtime.open(TestClient()) == nil)
  }

  @Test @Loop func `a socket of another gateway is signed in before the answer`() async throws {
    let (first, second) = (try await TestGateway(), try await TestGateway())
    defer { [first, second].forEach { $0.stop() } }
    let client = try second.client(nil)
    let signedIn = SignedIn(member: ID(at: .now), role: .member, session: ID(at: .now), expiry: .now + .seconds(9))
    try await first.signIn.signIn(client.session.id, as: signedIn)
    #expect(client.session.signedIn == signedIn)
    let other = SignedIn(member: ID(at: .now), role: .member, session: ID(at: .now), expiry: .now + .seconds(9))
    await #expect(throws: RealtimeRefusal.otherMember) { try await first.signIn.signIn(client.session.id, as: other) }
    for unknown in [
      SocketID(gateway: second.realtime.gateway, number: 1), SocketID(gateway: 1, number: 1),
      SocketID(gateway: first.realtime.gateway, number: 1),
    ] {
      await #expect(throws: RealtimeRefusal.unknownSocket) { try await first.signIn.signIn(unknown, as: signedIn) }
    }
  }

  @Test @Loop func `a socket is unknown only when its gateway is known to be gone`() async throws {
    let gateway = try await TestGateway(nil, database: 3)
    defer { gateway.stop() }
    let signedIn = SignedIn(member: ID(at: .now), role: .member, session: ID(at: .now), expiry: .now + .seconds(9))
    func refusal() async -> RealtimeRefusal? {
      do throws(RealtimeRefusal) {
        try await gateway.signIn.signIn(SocketID(gateway: 7, number: 1), as: signedIn)
        return nil
      } catch {
        return error
      }
    }
    await gateway.realtime.hub.seats.beat()
    gateway.realtime.hub.seats.close()
    // It lives, and does not hear Redis.
    try await gateway.redis.send("ZADD rt:gateways \(Timestamp.now.microseconds / 1000) 7")
    #expect(await refusal() == .unavailable)
    try await gateway.redis.send("ZREM rt:gateways 7")
    #expect(await refusal() == .unknownSocket)
    // What Redis has forgotten it cannot tell.
    try await gateway.redis.send("DEL rt:gateways")
    #expect(await refusal() == .unavailable)
  }

  // MARK: What clients send

  @Test @Loop func `an event of a client reaches the others, or the service that takes it`() async throws {
    let (first, second) = (try await TestGateway(), try await TestGateway())
    defer { [first, second].forEach { $0.stop() } }
    let channel = Channel("presence-room-\(UniqueID(at: .now))")!
    let (ada, bob) = (try first.client(), try second.client())
    for client in [ada, bob] { try await client.subscribe(channel) }
    let data = Array(#"{"x":1}"#.utf8)
    try await first.realtime.send("moved", relayedAs: "client-moved", data, on: channel, from: ada.session)
    try await bob.expect(["subscribed", #"client-moved {"x":1} of a client"#])
    try await first.realtime.send("typing", relayedAs: "client-typing", data, on: channel, from: ada.session)
    let question = try #require(first.questions.last)
    #expect(question.passport.endpoint == "rooms.type")
    #expect(question.passport.caller.member == ada.session.member)
    #expect(question.passport.path.pairs.map(\.name) == ["room"])
    #expect(question.body == data)
    // Who is hidden says nothing to anybody.
    first.realtime.hub.setHidden(true, try #require(ada.session.member))
    let count = first.questions.count
    try await first.realtime.send("moved", relayedAs: "client-moved", data, on: channel, from: ada.session)
    try await first.realtime.send("typing", relayedAs: "client-typing", data, on: channel, from: ada.session)
    try await first.push("said", "1", to: channel)
    try await bob.expect(["subscribed", #"client-moved {"x":1} of a client"#, "said 1"])
    try await ada.expect(["subscribed", "said 1"])
    #expect(first.questions.count == count)
  }

  @Test @Loop func `a client sends so many events a second, of ten kilobytes, where it is subscribed`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = Channel("presence-room-\(UniqueID(at: .now))")!
    let client = try gateway.client()
    func send(_ data: [UInt8] = []) async -> String? {
      do throws(RealtimeRefusal) {
        try await gateway.realtime.send("a", relayedAs: "client-a", data, on: channel, from: client.session)
        return nil
      } catch {
        return error.code
      }
    }
    #expect(await send() == "not_subscribed")
    try await client.subscribe(channel)
    #expect(await send(Array(repeating: 32, count: 10_241)) == "event_too_large")
    #expect(await send() == nil)
    var sent = 1
    while await send() == nil { sent += 1 }
    #expect(await send() == "rate_limited")
    #expect(sent >= 8)
  }

  @Test func `an allowance is full again after a second`() {
    let begin = ContinuousClock.now
    var allowance = EventAllowance(perSecond: 4)
    func take(after time: Duration) -> Bool { allowance.take(at: begin + .seconds(1) + time) }
    for _ in 0..<4 { #expect(take(after: .zero) == true) }
    #expect(take(after: .milliseconds(249)) == false)
    #expect(take(after: .milliseconds(250)) == true)
    #expect(take(after: .milliseconds(250)) == false)
    for _ in 0..<4 { #expect(take(after: .seconds(2)) == true) }
    #expect(take(after: .seconds(2)) == false)
  }

  // MARK: What presence is told

  @Test @Loop func `presence is told of sockets and of activity, but not too often`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let member = MemberID(at: .now)
    let client = try gateway.client(member)
    gateway.realtime.activity.active(client.session)
    gateway.realtime.activity.moved(client.session, toForeground: false)
    gateway.realtime.close(client.session, isOrderly: true)
    let signIn = AuthSessionID(at: .now)
    for _ in 0..<3 { gateway.realtime.activity.requested(member, signIn) }
    #expect(gateway.signals.map(\.kind) == [.opened, .background, .closed, .active])
    #expect(gateway.signals.allSatisfy { $0.member == member })
    #expect(gateway.signals.last?.device == signIn.description)
    #expect(gateway.signals.last?.connection == 0)
    let lost = try gateway.client(member)
    gateway.realtime.close(lost.session, isOrderly: false)
    #expect(gateway.signals.last?.kind == .lost)
    // A client that nobody has signed in is nobody's device.
    gateway.realtime.close(try gateway.client(nil).session, isOrderly: true)
    #expect(gateway.signals.count == 6)
    let silent = try gateway.client(member)
    gateway.realtime.close(silent.session, isOrderly: false, silentFor: .seconds(40))
    #expect(try #require(gateway.signals.last).at <= .now - .seconds(40), "it is gone since it was heard last")
  }

  @Test @Loop func `where an app is is told when it changes, and heartbeats are mere activity`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let session = try #require(try gateway.client().session)
    func move(_ isForeground: Bool, times: Int = 3) {
      for _ in 0..<times { gateway.realtime.activity.moved(session, toForeground: isForeground) }
    }
    move(true)
    move(false)
    move(true)
    #expect(gateway.signals.map(\.kind) == [.opened, .foreground, .background, .foreground])
    // With the tests' times, activity is told each 300 ms.
    try await Loop.sleep(for: .milliseconds(310))
    move(true)
    #expect(gateway.signals.last?.kind == .active)
    move(false)
    try await Loop.sleep(for: .milliseconds(310))
    move(false)
    #expect(
      gateway.signals.map(\.kind).suffix(3) == [.active, .background, .background],
      "whoever has forgotten it would take it for an app in front")
  }

  @Test @Loop func `when thousands come at once their owner is asked about so many at a time, and all get in`()
    async throws
  {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    var (asked, most, over) = (0, 0, 0)
    gateway.delay = .milliseconds(20)
    gateway.answer = { _ in
      asked += 1
      most = max(most, asked - over)
      Loop.schedule(after: .milliseconds(20)) { over += 1 }
      return TestGateway.grants(ChannelGrant())
    }
    let clients = try (0..<1000).map { _ in try gateway.client() }
    var (subscribed, refused) = (0, 0)
    for (number, client) in clients.enumerated() {
      let channel = try #require(Channel("private-room-\(number)"))
      gateway.realtime.subscribe(client.session, to: channel) { result in
        if case .success = result { subscribed += 1 } else { refused += 1 }
      }
    }
    // Those who have gone again when it is their turn are not asked about.
    try await eventually { asked > 0 }
    for client in clients.suffix(300) { gateway.realtime.close(client.session, isOrderly: false) }
    try await eventually { subscribed + refused == 1000 }
    #expect(subscribed == 700)
    #expect(most <= 128)
    #expect(asked < 1000)
  }
}
