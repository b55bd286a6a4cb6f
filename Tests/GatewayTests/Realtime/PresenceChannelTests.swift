import Contract
import EventLoop
import Mesh
import Redis
import TestKit
import Testing

@testable import Gateway

/// Who is in a presence channel, as its subscribers are told.
@Suite(.timeLimit(.minutes(2))) struct PresenceChannelTests {
  private func room() -> Channel { Channel("presence-room-\(UniqueID(at: .now))")! }

  /// Lists everybody, but for those whom `hides` names.
  @Loop private func listing(_ gateways: TestGateway..., hides: MemberID? = nil) {
    for gateway in gateways {
      gateway.answer = { question in
        guard let member = question.passport.caller.member, member != hides else {
          return TestGateway.grants(ChannelGrant())
        }
        return TestGateway.grants(ChannelGrant(listing: .init(name: "M", avatar: nil)))
      }
    }
  }

  @Test @Loop func `a member comes with the first connection and goes with the last, whatever gateway they are at`()
    async throws
  {
    let (first, second) = (try await TestGateway(), try await TestGateway())
    defer { [first, second].forEach { $0.stop() } }
    listing(first, second)
    let channel = room()
    let (ada, bob) = (MemberID(at: .now), MemberID(at: .now))
    let watcher = try first.client(ada)
    #expect(try await watcher.subscribe(channel).members.map(\.member) == [ada])
    let (phone, laptop) = (try first.client(bob), try second.client(bob))
    try await phone.subscribe(channel)
    try await watcher.expect(["subscribed", "+\(bob) M"])
    #expect(Set(try await laptop.subscribe(channel).members.map(\.member)) == [ada, bob])
    second.realtime.close(laptop.session, isOrderly: true)
    let third = try second.client(bob)
    try await third.subscribe(channel)
    first.realtime.unsubscribe(phone.session, from: channel)
    try await first.push("said", "1", to: channel)
    try await watcher.expect(["subscribed", "+\(bob) M", "said 1"])
    second.realtime.close(third.session, isOrderly: true)
    try await watcher.expect(["subscribed", "+\(bob) M", "said 1", "-\(bob)"])
    // Nobody is told of their own coming and going.
    #expect(phone.told.filter { $0.hasPrefix("+\(bob)") || $0.hasPrefix("-\(bob)") } == [])
    first.realtime.close(watcher.session, isOrderly: true)
    let topic = ChannelStore.topic(of: channel)
    while try await first.redis.send("HLEN \(topic):listings").decode(Int.self) > 0 {
      try await Loop.sleep(for: .milliseconds(5))
    }
  }

  @Test @Loop func `whom the owner does not list is not listed`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    let ghost = MemberID(at: .now)
    listing(gateway, hides: ghost)
    let channel = room()
    let watcher = try gateway.client()
    try await watcher.subscribe(channel)
    let hidden = try gateway.client(ghost)
    let subscribed = try await hidden.subscribe(channel)
    #expect(subscribed.listing == nil)
    #expect(subscribed.members.map(\.member) == [try #require(watcher.session.member)])
    try await gateway.push("said", "1", to: channel)
    try await watcher.expect(["subscribed", "said 1"])
  }

  @Test @Loop func `who hides is gone at once for everybody, and back when they show themselves`() async throws {
    let (first, second) = (try await TestGateway(), try await TestGateway())
    defer { [first, second].forEach { $0.stop() } }
    listing(first, second)
    let channel = room()
    let shy = MemberID(at: .now)
    let watcher = try second.client()
    try await watcher.subscribe(channel)
    let client = try first.client(shy)
    try await client.subscribe(channel)
    try await watcher.expect(["subscribed", "+\(shy) M"])
    // Gateways hear of it one after the other.
    second.realtime.hub.setHidden(true, shy)
    #expect(watcher.told == ["subscribed", "+\(shy) M", "-\(shy)"])
    first.realtime.hub.setHidden(true, shy)
    let topic = ChannelStore.topic(of: channel)
    while try await first.redis.send("HEXISTS \(topic):listings \(shy.description)").decode(Bool.self) {
      try await Loop.sleep(for: .milliseconds(5))
    }
    let later = try second.client()
    #expect(try await !later.subscribe(channel).members.map(\.member).contains(shy))
    let other = try first.client(shy)
    #expect(try await other.subscribe(channel).members.map(\.member).contains(shy))
    first.realtime.hub.setHidden(false, shy)
    second.realtime.hub.setHidden(false, shy)
    let come = try #require(later.session.member)
    try await watcher.expect(["subscribed", "+\(shy) M", "-\(shy)", "+\(come) M", "+\(shy) M"])
  }

  @Test @Loop func `the members of a gateway that died go, those who moved stay`() async throws {
    let (first, second) = (try await TestGateway(database: 1), try await TestGateway(database: 1))
    defer { second.stop() }
    listing(first, second)
    let channel = room()
    let (left, moved) = (MemberID(at: .now), MemberID(at: .now))
    let watcher = try second.client()
    try await watcher.subscribe(channel)
    for member in [left, moved] { try await first.client(member).subscribe(channel) }
    try await watcher.expect(["subscribed", "+\(left) M", "+\(moved) M"])
    first.stop()
    try await second.client(moved).subscribe(channel)
    let topic = ChannelStore.topic(of: channel)
    let gateways = "\(first.realtime.gateway) \(second.realtime.gateway)"
    while try await second.redis.send("HGET \(topic):seats \(moved.description)").decode(String.self) != gateways {
      try await Loop.sleep(for: .milliseconds(5))
    }
    let store = second.realtime.hub.rosters
    while !(try await store.silent(since: .now)).contains("\(first.realtime.gateway)") {
      try await Loop.sleep(for: .milliseconds(50))
    }
    #expect(try await store.silent(since: .now - .seconds(3600)) == [])
    try await store.bury("\(first.realtime.gateway)")
    try await watcher.expect(["subscribed", "+\(left) M", "+\(moved) M", "-\(left)"])
    #expect(try await store.silent(since: .now).contains("\(first.realtime.gateway)") == false)
    #expect(try await second.redis.send("EXISTS rt:gateway:\(first.realtime.gateway):channels").decode() == 0)
  }

  @Test @Loop func `a gateway that Redis has forgotten enters its members again, and nobody notices`() async throws {
    let server = try await RedisServer()
    let gateway = try await TestGateway(server)
    defer { gateway.stop() }
    listing(gateway)
    let channel = room()
    let (watcher, other) = (try gateway.client(), try gateway.client())
    try await watcher.subscribe(channel)
    try await other.subscribe(channel)
    let member = try #require(other.session.member)
    try await watcher.expect(["subscribed", "+\(member) M"])
    try await server.run("FLUSHALL")
    await gateway.realtime.hub.seats.beat()
    let topic = ChannelStore.topic(of: channel)
    while try await gateway.redis.send("HLEN \(topic):listings").decode(Int.self) != 2 {
      try await Loop.sleep(for: .milliseconds(5))
    }
    let late = try gateway.client()
    #expect(try await late.subscribe(channel).members.count == 3)
    let third = try #require(late.session.member)
    try await watcher.expect(["subscribed", "+\(member) M", "+\(third) M"])
  }

  @Test @Loop func `when Redis has lost everything presence is told again which sockets are open`() async throws {
    let server = try await RedisServer()
    let gateway = try await TestGateway(server)
    defer { gateway.stop() }
    await gateway.realtime.hub.seats.beat()
    let (front, back) = (try gateway.client(), try gateway.client())
    gateway.realtime.activity.moved(back.session, toForeground: false)
    let before = gateway.signals.count
    // Known members and sockets are told of once.
    await gateway.realtime.hub.seats.beat()
    #expect(gateway.signals.count == before)
    try await server.run("FLUSHALL")
    await gateway.realtime.hub.seats.beat()
    let again = gateway.signals[before...]
    #expect(again.count == 2)
    for (client, kind) in [(front, DeviceSignal.Kind.opened), (back, .background)] {
      let told = gateway.signals[..<before].last { $0.member == client.session.member }
      let retold = again.first { $0.member == client.session.member }
      #expect(retold?.kind == kind)
      #expect(retold?.connection == told?.connection)
      #expect(retold?.device == told?.device)
    }
  }

  @Test @Loop func `what a member is called changes for everybody`() async throws {
    let gateway = try await TestGateway()
    defer { gateway.stop() }
    listing(gateway)
    let channel = room()
    let (watcher, other) = (try gateway.client(), try gateway.client())
    try await watcher.subscribe(channel)
    try await other.subscribe(channel)
    let member = try #require(other.session.member)
    try await watcher.expect(["subscribed", "+\(member) M"])
    gateway.answer = { _ in TestGateway.grants(ChannelGrant(listing: .init(name: "N", avatar: "/n.png"))) }
    gateway.realtime.recheck(channel)
    try await watcher.expect(["subscribed", "+\(member) M", "-\(member)", "+\(member) N"])
  }
}
