import Contract
import Crypto
import EventLoop
import HTTP
import Mesh
import TestKit
import Testing
import Wire

@testable import Gateway

/// The Pusher Channels protocol, over real sockets.
@Suite(.timeLimit(.minutes(2))) struct PusherTests {
  /// A gateway that speaks it.
  @Loop final class World {
    let gateway: TestGateway
    let pusher: Pusher
    let signatures = PusherSignatures(secret: "secret", root: TestGateway.root)
    let server: HTTPServer

    init(_ options: Realtime.Options, _ limits: WebSockets.Limits) async throws {
      gateway = try await TestGateway(nil, options)
      pusher = Pusher(gateway.realtime, signatures, limits)
      server = try HTTPServer(on: .anyLoopbackPort) { [pusher] request in
        if !pusher.take(request) { request.answer(HTTPResponse(status: 404)) }
      }
    }

    func client() async throws -> PusherClient { try await PusherClient(server.address) }

    /// A client that is signed in.
    func client(of member: MemberID) async throws -> PusherClient {
      let client = try await client()
      let session = try #require(SocketID(client.socket).flatMap { gateway.realtime.session($0) })
      try gateway.realtime.signIn(
        session, as: SignedIn(member: member, role: .member, session: ID(at: .now), expiry: .now + .seconds(900)))
      return client
    }

    /// Subscribes with a good signature.
    func subscribe(_ client: PusherClient, _ channel: String, data: String? = nil, after: String? = nil) throws {
      let auth = signatures.sign(try #require(SocketID(client.socket)), try #require(Channel(channel)), data)
      client.subscribe(channel, auth: auth, data: data, after: after)
    }

    static func run(
      _ options: Realtime.Options = Realtime.Options(), _ limits: WebSockets.Limits = WebSockets.Limits(),
      _ body: @Loop (World) async throws -> Void
    ) async throws {
      let world = try await World(options, limits)
      defer {
        world.server.stop()
        world.pusher.sockets.stop()
        world.gateway.stop()
      }
      try await body(world)
    }
  }

  private func room(_ kind: String) -> String { "\(kind)-room-\(UniqueID(at: .now))" }

  // MARK: The connection

  @Test @Loop func `a client is greeted, and its pings are answered whatever they carry`() async throws {
    try await World.run { world in
      let client = try await world.client()
      #expect(client.socket.split(separator: ".").count == 2)
      for data in ["{}", "\"\"", "\"{}\"", "null"] {
        client.send("pusher:ping", data)
        let pong = try await client.next("pusher:pong")
        #expect(pong["data"]?.string == "{}")
      }
      client.client.send(#"{"event":"pusher:ping"}"#)
      _ = try await client.next("pusher:pong")
    }
  }

  @Test @Loop func `who asks for another application or version is told by its number`() async throws {
    try await World.run { world in
      let cases: [(String, UInt16)] = [
        ("/app/other?protocol=7", 4001), ("/app/skillmesh?protocol=x", 4006), ("/app/skillmesh?protocol=4", 4007),
        ("/app/skillmesh?protocol=8", 4007), ("/app/skillmesh", 4008),
      ]
      for (path, code) in cases {
        let client = try await SocketClient.open(world.server.address, path)
        let message = try await client.next()
        #expect(message["event"]?.string == "pusher:error")
        #expect(message["data"]?["code"]?.integer() == code)
        try await eventually { client.closeCode != nil }
        #expect(client.closeCode == code)
      }
      #expect(world.gateway.realtime.connectionCount == 0)
      for version in 5...7 {
        _ = try await PusherClient(world.server.address, "/app/skillmesh?protocol=\(version)")
      }
    }
  }

  @Test @Loop func `a gateway that is full says to come back later`() async throws {
    var options = Realtime.Options()
    options.connections = 1
    try await World.run(options) { world in
      let first = try await world.client()
      let second = try await SocketClient.open(world.server.address, PusherClient.path)
      try await eventually { second.closeCode != nil }
      #expect(second.closeCode == 4100)
      first.client.drop()
      try await eventually { world.gateway.realtime.connectionCount == 0 }
      _ = try await world.client()
    }
  }

  @Test @Loop func `what is no message is said, and harms nobody`() async throws {
    try await World.run { world in
      let (client, other) = (try await world.client(), try await world.client())
      for text in ["", "x", "[]", "{}", #"{"event":7}"#, #"{"event":"pusher:nothing"}"#, #"{"event":"message"}"#] {
        client.client.send(text)
        #expect(try await client.next("pusher:error")["data"]?["code"]?.integer() == 4300)
      }
      for data in ["{}", "7", "\"x\"", #"{"channel":7}"#] {
        client.send("pusher:subscribe", data)
        #expect(try await client.next("pusher:error")["data"]?["code"]?.integer() == 4300)
      }
      client.subscribe("no such name")
      #expect(try PusherClient.data(try await client.next("pusher:subscription_error"))["status"]?.integer() == 422)
      client.client.send(.text(String(repeating: "x", count: 40_000)))
      try await eventually { client.client.closeCode != nil }
      #expect(client.client.closeCode == 1009)
      other.send("pusher:ping", "{}")
      _ = try await other.next("pusher:pong")
    }
  }

  // MARK: Subscriptions

  @Test @Loop func `a public channel is open to everybody, and its events carry their place`() async throws {
    try await World.run { world in
      let client = try await world.client()
      let channel = room("news")
      client.subscribe(channel)
      let succeeded = try await client.next("pusher_internal:subscription_succeeded")
      #expect(succeeded["channel"]?.string == channel)
      #expect(succeeded["data"]?.string == "{}")
      #expect(succeeded["position"]?.string == "0:0")
      let text = "\"\\\u{1}ä\u{1F600}\n"
      let data = JSONTree.object([("text", .string(text))]).bytes
      try await world.gateway.push("said", String(decoding: data, as: UTF8.self), to: try #require(Channel(channel)))
      let event = try await client.next("said")
      #expect(event["channel"]?.string == channel)
      #expect(try PusherClient.data(event)["text"]?.string == text)
      #expect(event["position"]?.string.flatMap(Position.init)?.offset == 1)
      #expect(event["user_id"] == nil)
      client.send("pusher:unsubscribe", #"{"channel":"\#(channel)"}"#)
      try await eventually { world.gateway.realtime.hub.feeds.values.allSatisfy(\.subscriptions.isEmpty) }
    }
  }

  @Test @Loop func `a private channel wants a signature for this socket and channel, of who is signed in`() async throws
  {
    try await World.run { world in
      let member = MemberID(at: .now)
      let (client, nobody) = (try await world.client(of: member), try await world.client())
      let channel = "private-user-\(member)"
      let socket = try #require(SocketID(client.socket))
      let other = try #require(SocketID(nobody.socket))
      let name = try #require(Channel(channel))
      let forged = PusherSignatures(secret: "other", root: TestGateway.root)
      let wrong = [
        nil, "", "x", "skillmesh:", "skillmesh:00", forged.sign(socket, name, nil),
        world.signatures.sign(other, name, nil),
        world.signatures.sign(socket, .user(MemberID(at: .now)), nil), world.signatures.sign(socket, name, "{}"),
      ]
      for auth in wrong {
        client.subscribe(channel, auth: auth)
        let error = try await client.next("pusher:error")
        #expect(error["data"]?["code"]?.integer() == 4009)
        #expect(error["channel"]?.string == channel)
        let refusal = try PusherClient.data(try await client.next("pusher:subscription_error"))
        #expect(refusal["type"]?.string == "AuthError")
        #expect(refusal["status"]?.integer() == 401)
      }
      try world.subscribe(client, channel)
      _ = try await client.next("pusher_internal:subscription_succeeded")
      // A good signature alone does not say who is there.
      try world.subscribe(nobody, channel)
      #expect(try await nobody.next("pusher:error")["data"]?["code"]?.integer() == 4009)
      // And whoever is there still needs the owner's leave.
      try world.subscribe(client, "private-user-\(MemberID(at: .now))")
      let refusal = try PusherClient.data(try await client.next("pusher:subscription_error"))
      #expect(refusal["status"]?.integer() == 403)
    }
  }

  @Test @Loop func `subscribers of a presence channel see who is there, who comes and who goes`() async throws {
    try await World.run { world in
      world.gateway.answer = { _ in TestGateway.grants(ChannelGrant(listing: .init(name: "Ada", avatar: "/a.png"))) }
      let channel = room("presence")
      let (ada, bob) = (MemberID(at: .now), MemberID(at: .now))
      let (first, second) = (try await world.client(of: ada), try await world.client(of: bob))
      try world.subscribe(first, channel, data: #"{"user_id":"whatever"}"#)
      _ = try await first.next("pusher_internal:subscription_succeeded")
      try world.subscribe(second, channel)
      let presence = try PusherClient.data(try await second.next("pusher_internal:subscription_succeeded"))["presence"]
      #expect(presence?["count"]?.integer() == 2)
      #expect(presence?["ids"]?.elements.compactMap(\.string).sorted() == ["\(ada)", "\(bob)"].sorted())
      #expect(presence?["hash"]?["\(ada)"]?["name"]?.string == "Ada")
      #expect(presence?["hash"]?["\(ada)"]?["avatar"]?.string == "/a.png")
      let added = try await first.next("pusher_internal:member_added")
      #expect(added["channel"]?.string == channel)
      #expect(try PusherClient.data(added)["user_id"]?.string == "\(bob)")
      #expect(try PusherClient.data(added)["user_info"]?["name"]?.string == "Ada")
      second.client.drop()
      let removed = try await first.next("pusher_internal:member_removed")
      #expect(try PusherClient.data(removed)["user_id"]?.string == "\(bob)")
    }
  }

  @Test @Loop func `a client goes on where it was, or is told that it cannot`() async throws {
    try await World.run { world in
      let channel = "private-user-\(MemberID(at: .now))"
      let member = try #require(MemberID(String(channel.dropFirst("private-user-".count))))
      let first = try await world.client(of: member)
      try world.subscribe(first, channel)
      let start = try #require(try await first.next("pusher_internal:subscription_succeeded")["position"]?.string)
      for number in 1...3 { try await world.gateway.push("said", "\(number)", to: .user(member)) }
      first.client.drop()
      let second = try await world.client(of: member)
      try world.subscribe(second, channel, after: start)
      #expect(try await second.next("pusher_internal:subscription_succeeded")["position"]?.string == start)
      for number in 1...3 { #expect(try await second.next("said")["data"]?.string == "\(number)") }
      for place in ["nonsense", "1:7"] {
        let lost = try await world.client(of: member)
        try world.subscribe(lost, channel, after: place)
        _ = try await lost.next("pusher_internal:subscription_succeeded")
        let missed = try await lost.next("skillmesh:missed")
        #expect(missed["channel"]?.string == channel)
        #expect(try PusherClient.data(missed)["position"]?.string.flatMap(Position.init)?.offset == 3)
      }
    }
  }

  // MARK: Client events

  @Test @Loop func `client events reach the others of private and presence channels`() async throws {
    try await World.run { world in
      let channel = room("presence")
      let (ada, bob) = (MemberID(at: .now), MemberID(at: .now))
      let (first, second) = (try await world.client(of: ada), try await world.client(of: bob))
      for client in [first, second] {
        try world.subscribe(client, channel)
        _ = try await client.next("pusher_internal:subscription_succeeded")
      }
      let cases = [
        (#"{"x":1}"#, #"{"x":1}"#), (#""{\"x\":2}""#, #"{"x":2}"#), (#""just text""#, #""just text""#), ("[1]", "[1]"),
      ]
      for (sent, told) in cases {
        first.send("client-moved", sent, channel: channel)
        let event = try await second.next("client-moved")
        #expect(event["data"]?.string == told)
        #expect(event["user_id"]?.string == "\(ada)")
        #expect(event["channel"]?.string == channel)
      }
      #expect(first.client.messages.allSatisfy { $0["event"]?.string != "client-moved" })
      second.subscribe("news")
      second.send("client-moved", "{}", channel: "news")
      #expect(try await second.next("pusher:error")["data"]?["code"]?.integer() == 4300)
    }
  }

  @Test @Loop func `a flood of client events is refused by its number, and the connection lives`() async throws {
    try await World.run { world in
      let channel = room("private")
      let client = try await world.client(of: MemberID(at: .now))
      try world.subscribe(client, channel)
      _ = try await client.next("pusher_internal:subscription_succeeded")
      for _ in 0..<30 { client.send("client-a", "{}", channel: channel) }
      #expect(try await client.next("pusher:error")["data"]?["code"]?.integer() == 4301)
      let large = JSONTree.string(String(repeating: "x", count: 10_240)).bytes
      try await Loop.sleep(for: .milliseconds(1100))
      client.send("client-a", String(decoding: large, as: UTF8.self), channel: channel)
      #expect(try await client.next("pusher:error")["data"]?["code"]?.integer() == 4301)
      client.send("pusher:ping", "{}")
      _ = try await client.next("pusher:pong")
      // A flood of anything is one too many.
      for _ in 0..<1000 { client.send("pusher:ping", "{}") }
      try await eventually { client.client.closeCode != nil }
      #expect(client.client.closeCode == 4100)
    }
  }

  // MARK: Ends

  @Test @Loop func `a client that takes nothing is closed, and the others get all`() async throws {
    try await World.run { world in
      let channel = try #require(Channel(room("news")))
      let (slow, fast) = (try await world.client(), try await world.client())
      for client in [slow, fast] {
        client.subscribe("\(channel)")
        _ = try await client.next("pusher_internal:subscription_succeeded")
      }
      slow.client.stopReading()
      let text = JSONTree.string(String(repeating: "x", count: 20_000)).bytes
      var sent = 0
      while world.pusher.sockets.slowClients == 0 {
        sent += 1
        try await world.gateway.push("said", String(decoding: text, as: UTF8.self), to: channel)
        _ = try await fast.next("said")
      }
      #expect(sent > 10)
      slow.client.resumeReading()
      try await eventually { slow.client.closeCode != nil }
      #expect(slow.client.closeCode == 4100)
    }
  }

  @Test @Loop func `sockets are closed with the number that says whether to come back`() async throws {
    try await World.run { world in
      let member = MemberID(at: .now)
      let cases: [(Closing, UInt16)] = [
        (.draining, 4200), (.expired, 4200), (.revoked, 4009), (.tooSlow, 4100), (.tooMany, 4004),
      ]
      for (reason, code) in cases {
        let client = try await world.client(of: member)
        let session = try #require(SocketID(client.socket).flatMap { world.gateway.realtime.session($0) })
        session.subscriber?.close(reason)
        #expect(try await client.next("pusher:error")["data"]?["code"]?.integer() == code)
        try await eventually { client.client.closeCode != nil }
        #expect(client.client.closeCode == code)
      }
    }
  }

  @Test @Loop func `a client that does not answer pings is told 4201, and is gone since it was heard last`()
    async throws
  {
    var limits = WebSockets.Limits()
    (limits.pingAfter, limits.pongTime) = (.milliseconds(200), .milliseconds(200))
    try await World.run(Realtime.Options(), limits) { world in
      let member = MemberID(at: .now)
      let (silent, other) = (try await world.client(of: member), try await world.client(of: MemberID(at: .now)))
      silent.client.answersPings = false
      try await eventually { silent.client.closeCode != nil }
      #expect(silent.client.closeCode == 4201)
      try await eventually { world.gateway.signals.contains { $0.kind == .lost } }
      let signal = try #require(world.gateway.signals.last { $0.member == member })
      #expect(signal.kind == .lost && signal.at <= .now - .milliseconds(400))
      other.send("pusher:ping", "{}")
      _ = try await other.next("pusher:pong")
    }
  }

  @Test @Loop func `at the end all are sent away, to come back at once elsewhere`() async throws {
    try await World.run { world in
      let clients = [try await world.client(), try await world.client(), try await world.client()]
      for client in clients { client.client.send(.ping("still here")) }
      world.gateway.realtime.drain()
      let drained = Task { @Loop in await world.pusher.drain(within: .milliseconds(400)) }
      for client in clients {
        try await eventually { client.client.closeCode != nil }
        #expect(client.client.closeCode == 4200)
      }
      let late = try await SocketClient.open(world.server.address, PusherClient.path)
      try await eventually { late.closeCode != nil }
      #expect(late.closeCode == 4100)
      for client in clients { client.client.drop() }
      late.drop()
      await drained.value
      #expect(world.gateway.realtime.connectionCount == 0)
    }
  }
}
