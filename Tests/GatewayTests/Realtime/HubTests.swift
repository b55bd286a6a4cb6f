import Contract
import EventLoop
import Mesh
import Redis
import TestKit
import Testing

@testable import Gateway

/// Events from services to clients, through a real Redis.
@Suite(.timeLimit(.minutes(2))) struct HubTests {
  private func room(_ kind: String = "presence") -> Channel { Channel("\(kind)-room-\(UniqueID(at: .now))")! }

  @Test @Loop func `an event reaches subscribers of all gateways, each once and in order`() async throws {
    let (first, second) = (try await TestGateway(), try await TestGateway())
    defer { [first, second].forEach { $0.stop() } }
    let channel = room("private")
    let (ada, bob) = (try first.client(), try second.client())
    try await ada.subscribe(channel)
    try await bob.subscribe(channel)
    for number in 1...5 { try await first.push("said", "\(number)", to: channel) }
    try await second.push("said", "6", to: channel)
    let expected = ["subscribed"] + (1...6).map { "said \($0)" }
    try await ada.expect(expected)
    try await bob.expect(expected)
    #expect(ada.positions == bob.positions)
    #expect(ada.positions.map(\.offset) == [1, 2, 3, 4, 5, 6])
  }

  @Test @Loop func `a push that is carried twice is told once, and leaves no gap`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    let client = try gateway.client()
    try await client.subscribe(channel)
    let event = ChannelMessage.Event(name: "said", data: Array("1".utf8), view: nil, sender: nil)
    let push = UniqueID(at: .now)
    for _ in 0..<3 { try await gateway.realtime.hub.store.append(event, push: push, to: channel) }
    try await gateway.push("said", "2", to: channel)
    try await client.expect(["subscribed", "said 1", "said 2"])
    #expect(client.positions.map(\.offset) == [1, 2])
  }

  @Test @Loop func `a client that comes back is told what it missed, at another gateway too`() async throws {
    let (first, second) = (try await TestGateway(), try await TestGateway())
    defer { [first, second].forEach { $0.stop() } }
    let channel = room("private")
    let before = try first.client()
    let start = try await before.subscribe(channel).position
    try await first.push("said", "1", to: channel)
    try await before.expect(["subscribed", "said 1"])
    first.realtime.close(before.session, isOrderly: false)
    for number in 2...4 { try await first.push("said", "\(number)", to: channel) }
    let after = try second.client()
    #expect(try await after.subscribe(channel, after: before.positions[0]).position == before.positions[0])
    try await second.push("said", "5", to: channel)
    try await after.expect(["subscribed", "said 2", "said 3", "said 4", "said 5"])
    // From the place where the subscription began, everything.
    let again = try second.client()
    try await again.subscribe(channel, after: start)
    try await again.expect(["subscribed", "said 1", "said 2", "said 3", "said 4", "said 5"])
    // From where it is now, nothing.
    let current = try second.client()
    try await current.subscribe(channel, after: again.positions.last)
    try await current.expect(["subscribed"])
  }

  @Test @Loop func `where the history reaches no more, clients are told so`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    let first = try gateway.client()
    let start = try await first.subscribe(channel).position
    for number in 1...101 { try await gateway.push("said", "\(number)", to: channel) }
    let late = try gateway.client()
    #expect(try await late.subscribe(channel, after: start).position.offset == 101)
    try await late.expect(["subscribed", "missed"])
    let justInTime = try gateway.client()
    try await justInTime.subscribe(channel, after: Position(epoch: start.epoch, offset: 1))
    try await justInTime.expect(["subscribed"] + (2...101).map { "said \($0)" })
    // Places of another life of the channel, and such that never were.
    for wrong in [Position(epoch: 1, offset: 101), Position(epoch: start.epoch, offset: 500)] {
      let lost = try gateway.client()
      try await lost.subscribe(channel, after: wrong)
      try await lost.expect(["subscribed", "missed"])
    }
  }

  @Test @Loop func `what comes while a subscription is made is told once, in its place`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    let first = try gateway.client()
    let start = try await first.subscribe(channel).position
    var clients: [TestClient] = []
    for number in 1...60 {
      try await gateway.push("said", "\(number)", to: channel)
      let client = try gateway.client()
      clients.append(client)
      Loop.task { _ = try? await client.subscribe(channel, after: start) }
    }
    for client in clients { try await client.expect(["subscribed"] + (1...60).map { "said \($0)" }) }
  }

  @Test @Loop func `events for a view reach those who were granted it`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    let owner = MemberID(at: .now)
    gateway.answer = { question in
      TestGateway.grants(ChannelGrant(view: question.passport.caller.member == owner ? "owner" : "guest"))
    }
    let (inside, outside) = (try gateway.client(owner), try gateway.client())
    let start = try await inside.subscribe(channel).position
    try await outside.subscribe(channel)
    try await gateway.push("a", to: channel, view: "owner")
    try await gateway.push("b", to: channel, view: "guest")
    try await gateway.push("c", to: channel)
    try await inside.expect(["subscribed", "a {}", "c {}"])
    try await outside.expect(["subscribed", "b {}", "c {}"])
    let late = try gateway.client()
    try await late.subscribe(channel, after: start)
    try await late.expect(["subscribed", "b {}", "c {}"])
  }

  @Test @Loop func `an owner greets each subscriber, after what it missed and before what comes`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    gateway.answer = { _ in TestGateway.grants(ChannelGrant(greetings: [.init(name: "now", data: "1")])) }
    let first = try gateway.client()
    let start = try await first.subscribe(channel).position
    try await gateway.push("said", "1", to: channel)
    try await first.expect(["subscribed", "now 1", "said 1"])
    let second = try gateway.client()
    try await second.subscribe(channel, after: start)
    try await gateway.push("said", "2", to: channel)
    try await second.expect(["subscribed", "said 1", "now 1", "said 2"])
    // How things stand is asked for each time.
    #expect(gateway.questions.count == 2)
  }

  @Test @Loop func `what is of the moment is told to those who are there, and to nobody later`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    let client = try gateway.client()
    let start = try await client.subscribe(channel).position
    let event = ChannelMessage.Event(name: "typing", data: Array("{}".utf8), view: nil, sender: nil)
    try await gateway.realtime.hub.store.publish(.event(event), to: channel)
    try await client.expect(["subscribed", "typing {}"])
    let late = try gateway.client()
    try await late.subscribe(channel, after: start)
    try await late.expect(["subscribed"])
  }

  @Test @Loop func `nothing that clients are told lies in Redis in clear`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    let client = try gateway.client()
    try await client.subscribe(channel)
    try await gateway.push("said", #"{"body":"very secret"}"#, to: channel)
    let entries = try await gateway.redis.send("XRANGE rt:{\(channel.description)}:log - +")
    let log = try #require(try entries.decode([RedisValue].self).first.map { "\($0)" })
    #expect(!log.contains("secret"))
    let bytes = Array("secret".utf8).map { "\($0)" }.joined(separator: ", ")
    #expect(!log.contains(bytes))
  }

  // MARK: Redis in trouble

  @Test @Loop func `when Redis comes back, subscribers go on without a gap`() async throws {
    let server = try await RedisServer()
    let gateway = try await TestGateway(server)
    let other = try await TestGateway(server)
    defer { [gateway, other].forEach { $0.stop() } }
    let channel = room("private")
    let client = try gateway.client()
    try await client.subscribe(channel)
    try await gateway.push("said", "1", to: channel)
    try await client.expect(["subscribed", "said 1"])
    // The connection breaks, and something is said that nobody hears.
    try await server.run("CLIENT", "KILL", "TYPE", "pubsub")
    try await other.push("said", "2", to: channel)
    try await other.push("said", "3", to: channel)
    try await client.expect(["subscribed", "said 1", "said 2", "said 3"])
    #expect(client.positions.map(\.offset) == [1, 2, 3])
  }

  @Test @Loop func `a restart of Redis begins a new epoch, and pushes wait for it`() async throws {
    let server = try await RedisServer()
    let gateway = try await TestGateway(server)
    defer { gateway.stop() }
    let channel = room("private")
    let client = try gateway.client()
    try await client.subscribe(channel)
    try await gateway.push("said", "1", to: channel)
    try await client.expect(["subscribed", "said 1"])
    try await server.process.kill()
    let message = ChannelMessage.Event(name: "said", data: Array("2".utf8), view: nil, sender: nil)
    let carried = Task { @Loop in
      var backoff = Backoff()
      while true {
        do { return try await gateway.realtime.hub.store.append(message, push: UniqueID(at: .now), to: channel) } catch
        {
          try await Loop.sleep(for: backoff.next())
        }
      }
    }
    try await Loop.sleep(for: .milliseconds(100))
    try await server.process.start()
    try await carried.value
    while gateway.realtime.hub.feeds[channel]?.head.isBehind != false || client.told.count < 3 {
      try await Loop.sleep(for: .milliseconds(5))
    }
    try await gateway.push("said", "3", to: channel)
    while client.told.last != "said 3" { try await Loop.sleep(for: .milliseconds(5)) }
    // The second is among what was missed when it came before the gateway heard the channel again.
    #expect(client.told.filter { $0 != "said 2" } == ["subscribed", "said 1", "missed", "said 3"])
    #expect(Set(client.positions.map(\.epoch)).count == 2)
    // Each place is behind the one before: what was missed ends where the history begins again.
    #expect(client.positions.map(\.offset) == [1] + (0..<client.told.count - 2).map { UInt64($0) })
  }

  @Test @Loop func `a flush of Redis is not noticed by those who are there, and told to those who come back`()
    async throws
  {
    let server = try await RedisServer()
    let gateway = try await TestGateway(server)
    defer { gateway.stop() }
    let channel = room("private")
    let client = try gateway.client()
    try await client.subscribe(channel)
    try await gateway.push("said", "1", to: channel)
    try await client.expect(["subscribed", "said 1"])
    try await server.run("FLUSHALL")
    try await gateway.push("said", "2", to: channel)
    try await client.expect(["subscribed", "said 1", "said 2"])
    let late = try gateway.client()
    try await late.subscribe(channel, after: client.positions[0])
    try await late.expect(["subscribed", "missed"])
  }

  @Test @Loop func `a subscription that is asked for while Redis is away stands when it is back`() async throws {
    let server = try await RedisServer()
    let gateway = try await TestGateway(server)
    defer { gateway.stop() }
    try await server.process.kill()
    let channel = room("private")
    let client = try gateway.client()
    Loop.task { _ = try? await client.subscribe(channel) }
    try await Loop.sleep(for: .milliseconds(50))
    #expect(client.told == [])
    try await server.process.start()
    try await client.expect(["subscribed"])
    try await gateway.push("said", "1", to: channel)
    try await client.expect(["subscribed", "said 1"])
  }

  @Test @Loop func `of what nobody hears or can have heard nothing is kept, and of an open channel everything`()
    async throws
  {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    func keys(of channel: Channel) async throws -> Int {
      let topic = ChannelStore.topic(of: channel)
      return try await gateway.redis.send("EXISTS \(topic):head \(topic):log \(topic):known").decode()
    }
    let (quiet, open) = (room("private"), Channel("room-\(UniqueID(at: .now))")!)
    for channel in [quiet, open] { try await gateway.push("said", "1", to: channel) }
    #expect(try await keys(of: quiet) == 0)
    #expect(try await keys(of: open) == 3)
    // From the first subscriber on everything is kept for those who come back, also while nobody hears.
    let client = try gateway.client()
    let start = try await client.subscribe(quiet).position
    gateway.realtime.close(client.session, isOrderly: true)
    gateway.realtime.hub.sweep(idleFor: .zero)
    try await gateway.push("said", "2", to: quiet)
    #expect(try await keys(of: quiet) == 3)
    let again = try gateway.client()
    try await again.subscribe(quiet, after: start)
    try await again.expect(["subscribed", "said 2"])
  }

  @Test @Loop func `a channel that nobody listens to is let go`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let channel = room("private")
    let client = try gateway.client()
    try await client.subscribe(channel)
    let topic = ChannelStore.topic(of: channel)
    #expect(try await gateway.redis.send("PUBSUB NUMSUB \(topic)").decode([String].self) == [topic, "1"])
    #expect(gateway.realtime.unsubscribe(client.session, from: channel))
    #expect(!gateway.realtime.unsubscribe(client.session, from: channel))
    gateway.realtime.hub.sweep(idleFor: .zero)
    while try await gateway.redis.send("PUBSUB NUMSUB \(topic)").decode([String].self) != [topic, "0"] {
      try await Loop.sleep(for: .milliseconds(5))
    }
    #expect(gateway.realtime.hub.feeds.isEmpty)
    // And heard again when somebody comes.
    try await client.subscribe(channel)
    try await gateway.push("said", "1", to: channel)
    try await client.expect(["subscribed", "subscribed", "said 1"])
  }
}
