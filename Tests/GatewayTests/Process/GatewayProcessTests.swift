import Contract
import EventLoop
import Foundation
import Mesh
import TestKit
import Testing

@testable import Gateway

/// The built gateway, with a real broker, a real service and its database.
@Suite(.timeLimit(.minutes(3)), .serialized) struct GatewayProcessTests {
  @Test @Loop func `requests reach a service that appeared later, and repeated ones take effect once`() async throws {
    let world = try GatewayWorld()
    let gateway = try await world.startGateway()
    let client = try await world.client()
    #expect(try await client.problem("GET", "/api/v1/ping?text=hi") == "404 not_found")
    let notes = try await world.startNotes()
    while try await client.status("GET", "/api/v1/ping?text=hi") == 404 { try await Loop.sleep(for: .milliseconds(20)) }
    #expect(try await client.ask("GET", "/api/v1/ping?text=a%20b").body == #"{"text":"a b"}"#)
    #expect(try await client.ask("GET", "/openapi.json").body.contains(#""operationId":"notes.ping""#))
    #expect(try await client.ask("GET", "/asyncapi.json").body.contains(#""address":"notes.events""#))

    let path = "/api/v1/boards/\(UniqueID(at: .now))/notes"
    let key = ["Idempotency-Key": "once"]
    let first = try await client.ask("POST", path, key, body: #"{"text":"milk"}"#)
    #expect(first.status == 201)
    #expect(first.body == #"{"number":1}"#)
    let again = try await client.ask("POST", path, key, body: #"{"text":"milk"}"#)
    #expect(again.status == 201)
    #expect(again.body == #"{"number":1}"#)
    #expect(try await client.problem("POST", path, key, body: #"{"text":"tea"}"#) == "422 idempotency_key_reused")
    #expect(try await client.ask("GET", path).body == #"{"items":["milk"]}"#)
    let wrong = try await client.ask("POST", path, body: #"{"text":7}"#)
    #expect(try wrong.problem() == "422 invalid_fields")
    #expect(wrong.body.contains(#""errors":[{"pointer":"/text","code":"type","detail":"must be a string"}]"#))
    try await notes.stop()
    try await gateway.stop()
  }

  @Test @Loop func `a file reaches its service by way of storage, once, and can be read by the link it gives`()
    async throws
  {
    let world = try GatewayWorld()
    let gateway = try await world.startGateway()
    let notes = try await world.startNotes()
    let client = try await world.client()
    while try await client.status("GET", "/api/v1/ping?text=hi") != 200 { try await Loop.sleep(for: .milliseconds(20)) }
    let board = "/api/v1/boards/\(UniqueID(at: .now))"
    var headers = ["Content-Type": "image/png", "Idempotency-Key": "one"]
    #expect(try await client.problem("PUT", "\(board)/picture", headers, body: "picture") == "404 no_such_board")
    #expect(try await client.problem("PUT", "\(board)/picture", headers, body: "") == "400 file_missing")
    #expect(try await client.status("POST", "\(board)/notes", body: #"{"text":"milk"}"#) == 201)
    headers["Idempotency-Key"] = "two"
    let first = try await client.ask("PUT", "\(board)/picture", headers, body: "picture")
    #expect(first.status == 200)
    // The same file again lies elsewhere, and is the same request; another file is not.
    let again = try await client.ask("PUT", "\(board)/picture", headers, body: "picture")
    #expect(again.body == first.body)
    #expect(try await client.problem("PUT", "\(board)/picture", headers, body: "other") == "422 idempotency_key_reused")
    let link = try #require(try first.member("link"))
    let shown = try await client.ask("GET", link)
    #expect(shown.body == "picture")
    #expect(shown.headers["content-type"] == "image/png")
    #expect(try await client.problem("GET", String(link.prefix { $0 != "?" })) == "403 link_invalid")
    try await eventually { (try? FileManager.default.contentsOfDirectory(atPath: "\(world.storage)/incoming")) == [] }
    let table = try await client.ask("GET", "\(board)/notes.csv")
    #expect(table.body == "milk\r\n")
    #expect(table.headers["content-type"] == "text/csv; charset=utf-8")
    try await notes.stop()
    try await gateway.stop()
  }

  @Test @Loop func `a service that is down is known, and a replica that comes back is found`() async throws {
    let world = try GatewayWorld()
    let gateway = try await world.startGateway(["GATEWAY_DEADLINE=500ms"])
    let notes = try await world.startNotes()
    let client = try await world.client()
    while try await client.status("GET", "/api/v1/ping?text=hi") != 200 { try await Loop.sleep(for: .milliseconds(20)) }
    try await notes.kill()
    for _ in 0..<3 { #expect(try await client.problem("GET", "/api/v1/ping?text=hi") == "504 timed_out") }
    while try await client.problem("GET", "/api/v1/ping?text=hi") != "503 unavailable" {}
    try await notes.start()
    while try await client.status("GET", "/api/v1/ping?text=hi") != 200 { try await Loop.sleep(for: .milliseconds(50)) }
    try await notes.stop()
    try await gateway.stop()
  }

  @Test @Loop func `keys and revocations come through their topics, before the gateway is ready and after`()
    async throws
  {
    let world = try GatewayWorld()
    try await world.publishKey()
    let suspended = MemberID(at: .now)
    let revocation = Array(#"{"until":"2999-01-01T00:00:00Z","reason":"suspended"}"#.utf8)
    try await world.publish(IdentityFeed.revocations, "member:\(suspended)", revocation)
    // Nobody runs this service: whoever gets through the gateway waits for nothing.
    try await world.announce(try NotesContract.record)
    let gateway = try await world.startGateway(["GATEWAY_DEADLINE=200ms"])
    let client = try await world.client()
    let path = "/api/v1/notes/\(UniqueID(at: .now))"
    let member = MemberID(at: .now)
    let token = try world.token(for: member)
    #expect(try await client.problem("GET", path) == "401 not_signed_in")
    #expect(try await client.problem("GET", path, try world.token(for: suspended)) == "403 account_suspended")
    #expect(try await client.problem("GET", path, token) == "504 timed_out")
    try await world.publish(IdentityFeed.revocations, "member:\(member)", revocation)
    while try await client.status("GET", path, token) != 403 {}
    try await world.publish(IdentityFeed.revocations, "member:\(member)", nil)
    while try await client.status("GET", path, token) == 403 {}
    try await gateway.stop()
  }

  @Test @Loop func `two gateways share a port, and one that ends answers what it has begun`() async throws {
    let world = try GatewayWorld()
    let first = try await world.startGateway(["REPLICA=1", "GATEWAY_DEADLINE=2s"])
    try await world.announce(try NotesContract.record)
    let client = try await world.client()
    while try await client.status("GET", "/api/v1/greeting") == 404 { try await Loop.sleep(for: .milliseconds(20)) }
    let second = try await world.startGateway(["REPLICA=2"])
    client.send("GET /api/v1/greeting HTTP/1.1\r\nHost: x\r\n\r\n")
    try await Loop.sleep(for: .milliseconds(200))
    try await first.stop()
    let answer = try await client.answer()
    #expect(answer.status == 504 || answer.status == 503)
    #expect(answer.headers["connection"] == "close")
    let other = try await world.client()
    #expect(try await other.status("GET", "/docs") == 200)
    try await second.stop()
  }

  @Test(arguments: ["gateway", "mesh-example"]) @Loop
  func `who is asked to end while still waiting for Kafka ends at once`(program: String) async throws {
    let key = "7:" + String(repeating: "0a", count: 32)
    let ops = try GatewayWorld.freeAddress()
    let process = try ChildProcess(
      BuiltProgram.url(program).path, [],
      environment: [
        "SERVICE": "notes", "KAFKA_BROKERS": "127.0.0.1:1", "OPS_ADDRESS": "\(ops)", "MESH_ROOT_KEY": key,
        "MESH_KEY": key, "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing", "REDIS_URL": "redis://127.0.0.1:1",
      ])
    // Its operators' page is there before anything else is.
    while (try? await RawClient(ops).status("GET", "/healthz")) != 200 { try await Loop.sleep(for: .milliseconds(20)) }
    try await Loop.sleep(for: .milliseconds(50))
    #expect(await process.end(asking: SIGTERM, grace: .seconds(5)) == .status(0))
  }
}
