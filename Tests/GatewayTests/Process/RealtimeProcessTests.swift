import Contract
import EventLoop
import HTTP
import Mesh
import TestKit
import Testing
import Wire

@testable import Gateway

/// From a service's commit to clients' sockets: built gateways, a real broker, Redis, service and database.
@Suite(.timeLimit(.minutes(3)), .serialized) struct RealtimeProcessTests {
  /// A client that is signed in at the gateway at `address`, authorised by HTTP as Pusher's libraries do it.
  @Loop private struct Listener {
    let pusher: PusherClient
    let http: RawClient
    let token: [String: String]

    init(_ world: GatewayWorld, of member: MemberID, at address: SocketAddress, asking other: SocketAddress? = nil)
      async throws
    {
      pusher = try await PusherClient(address)
      http = try await world.client(at: other ?? address)
      token = try world.token(for: member)
    }

    /// Asks for leave; returns its signature and the data that belongs to it.
    func authorize(_ channel: String) async throws -> RawClient.Answer {
      let form = "socket_id=\(pusher.socket)&channel_name=\(channel)"
      let type = ["Content-Type": "application/x-www-form-urlencoded"]
      return try await http.ask("POST", "/api/v1/realtime/auth", token.merging(type) { $1 }, body: form)
    }

    func subscribe(_ channel: String, after position: String? = nil) async throws -> JSONValue {
      let answer = try await authorize(channel)
      try #require(answer.status == 200, "\(answer.body)")
      pusher.subscribe(
        channel, auth: try answer.member("auth"), data: try answer.member("channel_data"), after: position)
      return try await pusher.next("pusher_internal:subscription_succeeded")
    }
  }

  @Test @Loop func `two members at two gateways see one another and every note, though one gateway is killed`()
    async throws
  {
    let world = try GatewayWorld()
    try await world.publishKey()
    let elsewhere = try GatewayWorld.freeAddress()
    let notes = try await world.startNotes()
    let first = try await world.startGateway(["REPLICA=1"])
    let second = try await world.startGateway(["REPLICA=2"], at: elsewhere)
    let board = "\(UniqueID(at: .now))"
    let channel = "presence-board-\(board)"
    let (ada, bob) = (MemberID(at: .now), MemberID(at: .now))

    // Each asks the other gateway for leave, so the one that has the socket is told.
    let listener = try await Listener(world, of: ada, at: elsewhere, asking: world.address)
    _ = try await listener.subscribe(channel)
    #expect(try PusherClient.data(try await listener.pusher.next("notes.counted"))["count"]?.integer() == 0)
    var other = try await Listener(world, of: bob, at: world.address, asking: elsewhere)
    let presence = try PusherClient.data(try await other.subscribe(channel))["presence"]
    #expect(presence?["hash"]?["\(ada)"]?["name"]?.string == "Member \(ada)")
    let added = try await listener.pusher.next("pusher_internal:member_added")
    #expect(try PusherClient.data(added)["user_id"]?.string == "\(bob)")

    let writer = try await world.client(at: elsewhere)
    func pin(_ number: Int) async throws {
      let answer = try await writer.ask(
        "POST", "/api/v1/boards/\(board)/notes", ["Idempotency-Key": "\(number)"], body: #"{"text":"\#(number)"}"#)
      #expect(answer.status == 201)
    }
    var position = ""
    for number in 1...3 {
      try await pin(number)
      let note = try await other.pusher.next("note.pinned")
      #expect(try PusherClient.data(note)["number"]?.integer() == number)
      position = try #require(note["position"]?.string)
    }
    // A client says that somebody is writing, and the service tells it to all.
    other.pusher.send("client-typing", "{}", channel: channel)
    #expect(
      try PusherClient.data(try await listener.pusher.next("typing.started"))["userId"]?.string == "\(bob)")

    try await first.kill()
    for number in 4...6 { try await pin(number) }
    other = try await Listener(world, of: bob, at: elsewhere)
    #expect(try await other.subscribe(channel, after: position)["position"]?.string == position)
    for number in 4...6 {
      let note = try await other.pusher.next("note.pinned")
      #expect(try PusherClient.data(note)["number"]?.integer() == number)
    }
    try await pin(7)
    for client in [listener, other] {
      while try PusherClient.data(try await client.pusher.next("note.pinned"))["number"]?.integer() != 7 {}
    }

    // Locked, nobody is there any more, and nobody comes in.
    #expect(try await writer.status("PUT", "/api/v1/boards/\(board)/lock", body: "{}") == 204)
    for client in [listener, other] {
      let refusal = try PusherClient.data(try await client.pusher.next("pusher:subscription_error"))
      #expect(refusal["code"]?.string == "board_locked")
    }
    #expect(try await other.authorize(channel).problem() == "403 board_locked")
    try await second.stop()
    try await notes.stop()
  }

  @Test @Loop func `leave is given to the socket's own member, for what they may hear`() async throws {
    let world = try GatewayWorld()
    try await world.publishKey()
    let gateway = try await world.startGateway()
    let member = MemberID(at: .now)
    let listener = try await Listener(world, of: member, at: world.address)
    _ = try await listener.subscribe("private-user-\(member)")
    let cases = [
      ("private-user-\(MemberID(at: .now))", listener.pusher.socket, "403 forbidden"),
      ("private-nothing", listener.pusher.socket, "404 unknown_channel"),
      ("private-user-\(member)", "1.2", "404 unknown_socket"), ("private-user-\(member)", "x", "404 unknown_socket"),
    ]
    for (channel, socket, expected) in cases {
      let body = #"{"socket_id":"\#(socket)","channel_name":"\#(channel)"}"#
      #expect(try await listener.http.problem("POST", "/api/v1/realtime/auth", listener.token, body: body) == expected)
    }
    let stranger = MemberID(at: .now)
    let body = #"{"socket_id":"\#(listener.pusher.socket)","channel_name":"private-user-\#(stranger)"}"#
    let token = try world.token(for: stranger)
    #expect(try await listener.http.problem("POST", "/api/v1/realtime/auth", token, body: body) == "403 other_member")
    #expect(try await listener.http.problem("POST", "/api/v1/realtime/auth", body: body) == "401 not_signed_in")
    let empty = try await listener.http.ask("POST", "/api/v1/realtime/auth", listener.token, body: "{}")
    #expect(try empty.problem() == "422 invalid_fields")
    #expect(empty.body.contains(#""pointer":"/socket_id""#))
    #expect(try await listener.http.ask("GET", "/openapi.json").body.contains("gateway.authorize-socket"))

    // Suspended, the member is gone from everywhere.
    let revocation = Array(#"{"until":"2999-01-01T00:00:00Z","reason":"suspended"}"#.utf8)
    try await world.publish(IdentityFeed.revocations, "member:\(member)", revocation)
    #expect(try await listener.pusher.next("pusher:error")["data"]?["code"]?.integer() == 4009)
    try await eventually { listener.pusher.client.closeCode != nil }
    #expect(listener.pusher.client.closeCode == 4009)

    // Asked to end, the gateway sends everybody elsewhere.
    let last = try await Listener(world, of: MemberID(at: .now), at: world.address)
    let stopped = Task { try await gateway.stop() }
    #expect(try await last.pusher.next("pusher:error")["data"]?["code"]?.integer() == 4200)
    try await stopped.value
  }
}
