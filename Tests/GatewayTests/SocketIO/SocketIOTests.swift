import Contract
import EventLoop
import HTTP
import Mesh
import TestKit
import Testing
import Wire

@testable import Gateway

/// Socket.IO over real sockets and a real Redis.
@Suite(.timeLimit(.minutes(2))) struct SocketIOTests {
  /// A gateway that speaks it. A token is a member's id, or the word for why it does not hold.
  @Loop final class World {
    let gateway: TestGateway
    let socketIO: SocketIO
    let server: HTTPServer

    init(_ options: Realtime.Options, _ engine: EngineIOServer.Options, expiry: Duration) async throws {
      gateway = try await TestGateway(nil, options)
      socketIO = SocketIO(gateway.realtime, engine, crossOrigin: CrossOrigin([])) { token throws(Rejection) in
        guard let member = MemberID(token) else { throw .invalidToken(token, "The token does not hold.") }
        return SignedIn(member: member, role: .member, session: ID(at: .now), expiry: .now + expiry)
      }
      server = try HTTPServer(on: .anyLoopbackPort) { [socketIO] request in
        if !socketIO.take(request) { request.answer(HTTPResponse(status: 404)) }
      }
    }

    /// A client whose Engine.IO session is open.
    func client() async throws -> RawClient {
      let client = try await RawClient(server.address)
      let headers = [
        "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
      ]
      let answer = try await client.ask("GET", "/socket.io/?EIO=4&transport=websocket", headers)
      try #require(answer.status == 101)
      _ = try await client.message()
      return client
    }

    /// A client that has joined; and what it was answered.
    func join(_ member: MemberID, _ more: String = "") async throws -> (client: RawClient, answer: JSONValue) {
      let client = try await client()
      client.say(#"40{"token":"\#(member)"\#(more)}"#)
      return (client, try await client.hear("40"))
    }

    static func run(
      _ options: Realtime.Options = Realtime.Options(), expiry: Duration = .seconds(900),
      _ body: @Loop (World) async throws -> Void
    ) async throws {
      var engine = EngineIOServer.Options()
      // Clients here do not answer when they are told that the connection ends, and the end waits for them.
      engine.closeTime = .milliseconds(100)
      let world = try await World(options, engine, expiry: expiry)
      try await body(world)
      await world.socketIO.engine.drain(over: .zero)
      world.server.stop()
      world.gateway.stop()
    }
  }

  private func room(_ kind: String) -> String { "\(kind)-room-\(UniqueID(at: .now))" }

  // MARK: Joining

  @Test @Loop func `a client joins with its token, and without a good one is told why`() async throws {
    try await World.run { world in
      let client = try await world.client()
      let cases = [
        ("40", #"44{"message":"Connect with the access token: auth: {token}.","data":{"code":"not_signed_in"}}"#),
        (
          #"40{"token":"token_expired"}"#, #"44{"message":"The token does not hold.","data":{"code":"token_expired"}}"#
        ),
        ("40/chat,", #"44/chat,{"message":"Invalid namespace","data":{"code":"invalid_namespace"}}"#),
      ]
      for (packet, answer) in cases {
        client.say(packet)
        #expect(try await client.message() == answer)
      }
      #expect(world.gateway.realtime.connectionCount == 0)
      client.say(#"40{"token":"\#(MemberID(at: .now))"}"#)
      let answer = try await client.hear("40")
      #expect(answer["sid"]?.string.flatMap(SocketID.init).flatMap { world.gateway.realtime.session($0) } != nil)
      #expect(answer["pid"] == nil)
      client.say("41")
      try await eventually { world.gateway.realtime.connectionCount == 0 }
      // Clients end the connection themselves; one that does not is closed.
      #expect(try await client.closeCode() == 1000)
      #expect(world.gateway.signals.map(\.kind) == [.opened, .closed])
    }
  }

  @Test @Loop func `a member's connections are limited, and those of the gateway`() async throws {
    var options = Realtime.Options()
    (options.connections, options.connectionsOfMember) = (2, 1)
    try await World.run(options) { world in
      let member = MemberID(at: .now)
      _ = try await world.join(member)
      let client = try await world.client()
      client.say(#"40{"token":"\#(member)"}"#)
      #expect(try await client.message().contains(#""code":"too_many_connections""#))
      _ = try await world.join(MemberID(at: .now))
      client.say(#"40{"token":"\#(MemberID(at: .now))"}"#)
      #expect(try await client.message().contains(#""code":"overloaded""#))
    }
  }

  @Test @Loop func `packets that make no sense end the connection, others go on`() async throws {
    try await World.run { world in
      let (other, _) = try await world.join(MemberID(at: .now))
      for packet in [
        "4", "42[]", #"42["x",]"#, #"451-["x",{"_placeholder":true,"num":0}]"#, #"44{"message":"x"}"#, "49",
      ] {
        let (client, _) = try await world.join(MemberID(at: .now))
        client.say(packet)
        #expect(try await client.hear("42[\"skillmesh:closing\",")["code"]?.string == "bad_packet", "\(packet)")
        #expect(try await client.message() == "41")
        client.say(#"42["activity"]"#)
        client.say("1")
        #expect(try await client.closeCode() == 1000)
      }
      other.say(#"421["activity"]"#)
      #expect(try await other.message() == #"431[{"ok":true}]"#)
    }
  }

  // MARK: Channels

  @Test @Loop func `a subscriber is told events with their channel and place, and what it missed`() async throws {
    try await World.run { world in
      let channel = room("private")
      let (client, _) = try await world.join(MemberID(at: .now))
      client.say(#"427["subscribe",{"channel":"\#(channel)"}]"#)
      #expect(try await client.hear("437[")["ok"]?.boolean == true)
      try await world.gateway.push("first", #"{"n":1}"#, to: Channel(channel)!)
      let first = try await client.hear("42[\"first\",")
      #expect(first["channel"]?.string == channel && first["n"]?.integer() == 1)
      let position = try #require(first["position"]?.string)
      client.say(#"428["unsubscribe",{"channel":"\#(channel)"}]"#)
      #expect(try await client.message() == #"438[{"ok":true}]"#)
      client.say(#"428["unsubscribe",{"channel":"\#(channel)"}]"#)
      #expect(try await client.hear("438[")["code"]?.string == "not_subscribed")
      try await world.gateway.push("second", to: Channel(channel)!)
      client.say(#"429["subscribe",{"channel":"\#(channel)","position":"\#(position)"}]"#)
      #expect(try await client.hear("439[")["position"]?.string == position)
      _ = try await client.hear("42[\"second\",")
      // From a place that nobody knows, something is missing.
      let (lost, _) = try await world.join(MemberID(at: .now))
      lost.say(#"421["subscribe",{"channel":"\#(channel)","position":"x"}]"#)
      _ = try await lost.hear("431[")
      #expect(try await lost.hear("42[\"skillmesh:missed\",")["channel"]?.string == channel)
    }
  }

  @Test @Loop func `a subscription that is refused says so by the owner's word`() async throws {
    try await World.run { world in
      world.gateway.answer = { _ in TestGateway.refuses(403, "not_yours") }
      let (client, _) = try await world.join(MemberID(at: .now))
      client.say(#"421["subscribe",{"channel":"\#(room("private"))"}]"#)
      let refusal = try await client.hear("431[")
      #expect(refusal["ok"]?.boolean == false && refusal["code"]?.string == "not_yours")
      for argument in ["", #",{"channel":"a b"}"#, #",{"channel":7}"#, ",null", #",{"channels":[]}"#] {
        client.say(#"422["subscribe"\#(argument)]"#)
        #expect(try await client.hear("432[")["code"]?.string == "invalid_channel")
      }
    }
  }

  @Test @Loop func `members of a presence channel see one another come and go`() async throws {
    try await World.run { world in
      world.gateway.answer = { question in
        let name = question.passport.caller.member.map { "\($0)" } ?? ""
        return TestGateway.grants(ChannelGrant(listing: .init(name: name, avatar: nil)))
      }
      let channel = room("presence")
      let (ada, bob) = (MemberID(at: .now), MemberID(at: .now))
      let (first, _) = try await world.join(ada)
      first.say(#"421["subscribe",{"channel":"\#(channel)"}]"#)
      #expect(try await first.hear("431[")["members"]?.elements.map { $0["userId"]?.string } == ["\(ada)"])
      let (second, _) = try await world.join(bob)
      second.say(#"421["subscribe",{"channel":"\#(channel)"}]"#)
      _ = try await second.hear("431[")
      let joined = try await first.hear("42[\"presence.joined\",")
      #expect(joined["userId"]?.string == "\(bob)" && joined["name"]?.string == "\(bob)")
      second.say("41")
      #expect(try await first.hear("42[\"presence.left\",")["userId"]?.string == "\(bob)")
    }
  }

  @Test @Loop func `what a client emits reaches services and other clients, within bounds`() async throws {
    var options = Realtime.Options()
    options.clientEvents = 5
    try await World.run(options) { world in
      let channel = room("presence")
      let (ada, bob) = (MemberID(at: .now), MemberID(at: .now))
      let (first, _) = try await world.join(ada)
      let (second, _) = try await world.join(bob)
      for client in [first, second] {
        client.say(#"421["subscribe",{"channel":"\#(channel)"}]"#)
        _ = try await client.hear("431[")
      }
      first.say(#"422["typing",{"channel":"\#(channel)"}]"#)
      #expect(try await first.hear("432[")["ok"]?.boolean == true)
      #expect(world.gateway.questions.last?.passport.endpoint == "rooms.type")
      first.say(#"423["client-wave",{"channel":"\#(channel)","hand":"left","userId":"nobody"}]"#)
      #expect(try await first.hear("433[")["ok"]?.boolean == true)
      let wave = try await second.hear("42[\"client-wave\",")
      #expect(wave["hand"]?.string == "left" && wave["userId"]?.string == "\(ada)")
      #expect(wave["channel"]?.string == channel)
      let refusals = [
        (#"["unheard-of",{}]"#, "unknown_event"), (#"["typing",{"channel":"presence-room-other"}]"#, "not_subscribed"),
        (#"["client-wave",{}]"#, "invalid_channel"), (#"["activity",{"appState":"asleep"}]"#, "invalid_app_state"),
      ]
      for (event, code) in refusals {
        first.say("424\(event)")
        #expect(try await first.hear("434[")["code"]?.string == code)
      }
      first.send((0..<20).flatMap { _ in ClientFrame.text(#"426["activity"]"#).bytes })
      var codes: [String?] = []
      for _ in 0..<20 { codes.append(try await first.hear("436[")["code"]?.string) }
      #expect(codes.last == "rate_limited" && codes.allSatisfy { $0 == nil || $0 == "rate_limited" })
      second.say(#"425["activity",{"appState":"background"}]"#)
      #expect(try await second.message() == #"435[{"ok":true}]"#)
      #expect(world.gateway.signals.last?.kind == .background && world.gateway.signals.last?.member == bob)
    }
  }

  // MARK: The end

  @Test @Loop func `a token that expires ends the connection, unless a later one is shown`() async throws {
    try await World.run(expiry: .milliseconds(500)) { world in
      let member = MemberID(at: .now)
      let (leaving, _) = try await world.join(member)
      let (staying, _) = try await world.join(member)
      staying.say(#"421["authenticate",{"token":"\#(MemberID(at: .now))"}]"#)
      #expect(try await staying.hear("431[")["code"]?.string == "other_member")
      staying.say(#"422["authenticate",{"token":"token_revoked"}]"#)
      #expect(try await staying.hear("432[")["code"]?.string == "token_revoked")
      #expect(try await leaving.hear("42[\"skillmesh:closing\",")["code"]?.string == "token_expired")
      #expect(try await leaving.message() == "41")
    }
  }

  @Test @Loop func `a flood of messages ends the connection that it comes from`() async throws {
    try await World.run { world in
      let (client, _) = try await world.join(MemberID(at: .now))
      for _ in 0..<2 * SocketIO.messagesPerSecond { client.say(#"42["activity"]"#) }
      #expect(try await client.hear("42[\"skillmesh:closing\",")["code"]?.string == "rate_limited")
    }
  }

  // MARK: Recovery

  @Test @Loop func `a client that comes back goes on where it was, though its old connection seems alive`() async throws
  {
    try await World.run { world in
      let (channel, other) = (room("private"), room("private"))
      let member = MemberID(at: .now)
      let (first, answer) = try await world.join(member, #","recovery":true"#)
      let (sid, pid) = (try #require(answer["sid"]?.string), try #require(answer["pid"]?.string))
      for channel in [channel, other] {
        first.say(#"421["subscribe",{"channel":"\#(channel)"}]"#)
        _ = try await first.hear("431[")
      }
      try await world.gateway.push("one", to: Channel(channel)!)
      let offset = try #require(try await first.hearAll("42[\"one\",").last?.string)
      #expect(offset.hasSuffix(" \(channel)"))
      // What follows is sent to the connection that is lost, and again.
      try await world.gateway.push("two", to: Channel(other)!)
      try await world.gateway.push("three", to: Channel(channel)!)
      #expect([try await first.eventName(), try await first.eventName()] == ["two", "three"])
      let (second, again) = try await world.join(
        member, #","recovery":true,"pid":"\#(pid)","offset":"\#(offset)""#)
      #expect(again["pid"]?.string == pid && again["sid"]?.string == sid)
      #expect(Set([try await second.eventName(), try await second.eventName()]) == ["two", "three"])
      try await eventually { first.isEnded }
      try await world.gateway.push("four", to: Channel(channel)!)
      #expect(try await second.eventName() == "four")
      #expect(world.gateway.realtime.connectionCount == 1)
      // Once more, after the connection has gone.
      second.close()
      try await eventually { world.gateway.realtime.connectionCount == 0 }
      try await world.gateway.push("five", to: Channel(other)!)
      let (third, last) = try await world.join(member, #","recovery":true,"pid":"\#(pid)","offset":"\#(offset)""#)
      #expect(last["pid"]?.string != pid)
      third.say("41")
      try await eventually { world.socketIO.recoveries.count == 0 }
    }
  }

  @Test @Loop func `who shows another's name, or comes too late, begins anew`() async throws {
    try await World.run { world in
      let channel = room("private")
      let (first, answer) = try await world.join(MemberID(at: .now), #","recovery":true"#)
      let pid = try #require(answer["pid"]?.string)
      let (thief, theirs) = try await world.join(MemberID(at: .now), #","recovery":true,"pid":"\#(pid)""#)
      #expect(theirs["pid"]?.string != pid)
      first.say(#"421["subscribe",{"channel":"\#(channel)"}]"#)
      #expect(try await first.hear("431[")["ok"]?.boolean == true)
      #expect(world.socketIO.recoveries.count == 2)
      first.close()
      thief.close()
      try await eventually { world.gateway.realtime.connectionCount == 0 }
      #expect(world.socketIO.recoveries.count == 2)
    }
  }
}

extension RawClient {
  fileprivate func say(_ text: String) { send(ClientFrame.text(text).bytes) }

  /// What follows `prefix` in the next message, which has to begin so: its first JSON value.
  fileprivate func hear(_ prefix: String, _ location: SourceLocation = #_sourceLocation) async throws -> JSONValue {
    try #require(try await hearAll(prefix, location).first, sourceLocation: location)
  }

  /// All JSON values that follow `prefix`.
  fileprivate func hearAll(
    _ prefix: String, _ location: SourceLocation = #_sourceLocation
  ) async throws -> [JSONValue] {
    let message = try await message()
    try #require(message.hasPrefix(prefix), "\(message) came", sourceLocation: location)
    let rest = String(message.dropFirst(prefix.count))
    return Array(try JSONValue.parse(Array((prefix == "40" ? "[\(rest)]" : "[\(rest)").utf8)).elements)
  }

  /// The name of the event that comes next.
  fileprivate func eventName() async throws -> String {
    let message = try await message()
    return try #require(try JSONValue.parse(Array(message.utf8.dropFirst(2))).elements.first { _ in true }?.string)
  }
}
