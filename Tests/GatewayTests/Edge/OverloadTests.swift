import Contract
import EventLoop
import HTTP
import Mesh
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct OverloadTests {
  private static let hello = Result<Answer, AskError>.success(Answer(.reply, status: 200, body: Array("{}".utf8)))

  @Test @Loop func `beyond the bound requests are refused at once, and later ones answered again`() async throws {
    var options = Edge.Options()
    options.inFlightLimit = 3
    try await TestEdge.run(options) { edge, client in
      edge.answer = { _ in nil }
      var clients: [RawClient] = []
      for _ in 0..<3 {
        let waiting = try await edge.client()
        waiting.send("GET /api/v1/greeting HTTP/1.1\r\nHost: x\r\n\r\n")
        clients.append(waiting)
      }
      try await eventually { edge.waiting.count == 3 }
      let refused = try await client.ask("GET", "/api/v1/greeting")
      #expect(try refused.problem() == "503 overloaded")
      #expect(refused.headers["retry-after"] == "1")
      edge.answerNext(Self.hello)
      #expect(try await clients[0].answer().status == 200)
      edge.answer = { _ in Self.hello }
      #expect(try await client.status("GET", "/api/v1/greeting") == 200)
      while !edge.waiting.isEmpty { edge.answerNext(Self.hello) }
    }
  }

  @Test @Loop func `one service may not take all`() async throws {
    var options = Edge.Options()
    options.inFlightLimitOfService = 1
    try await TestEdge.run(options) { edge, client in
      edge.answer = { _ in nil }
      let waiting = try await edge.client()
      waiting.send("GET /api/v1/greeting HTTP/1.1\r\nHost: x\r\n\r\n")
      try await eventually { edge.waiting.count == 1 }
      #expect(try await client.problem("GET", "/api/v1/greeting") == "503 overloaded")
      edge.answerNext(Self.hello)
    }
  }

  @Test @Loop func `a service that never answers is soon not asked any more, but for a question a second`() async throws
  {
    try await TestEdge.run { edge, client async throws in
      edge.answer = { .failure(.timedOut(endpoint: $0.passport.endpoint)) }
      for _ in 0..<3 { #expect(try await client.status("GET", "/api/v1/greeting") == 504) }
      // The first one after that is the question of this second.
      #expect(try await client.status("GET", "/api/v1/greeting") == 504)
      #expect(try await client.problem("GET", "/api/v1/greeting") == "503 unavailable")
      #expect(edge.questions.count == 4)
      edge.time += .seconds(1)
      #expect(try await client.status("GET", "/api/v1/greeting") == 504)
      #expect(try await client.status("GET", "/openapi.json") == 200)
    }
  }

  @Test @Loop func `a client that goes away leaves nothing behind once its question has ended`() async throws {
    var options = Edge.Options()
    options.inFlightLimit = 1
    try await TestEdge.run(options) { edge, client in
      edge.answer = { _ in nil }
      let gone = try await edge.client()
      gone.send("GET /api/v1/greeting HTTP/1.1\r\nHost: x\r\n\r\n")
      try await eventually { edge.waiting.count == 1 }
      gone.close()
      #expect(try await client.problem("GET", "/api/v1/greeting") == "503 overloaded")
      edge.answerNext(.failure(.timedOut(endpoint: "notes.greeting")))
      try await eventually { edge.server.connectionCount == 1 }
      edge.answer = { _ in Self.hello }
      #expect(try await client.status("GET", "/api/v1/greeting") == 200)
    }
  }

  @Test @Loop func `who asks too often is told until when to wait, and others are not affected`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in .success(Answer(.reply, status: 204, body: [])) }
      let (one, other) = (try edge.signedIn(.admin), try edge.signedIn(.admin))
      for left in (0..<20).reversed() {
        let answer = try await client.ask("POST", "/api/v1/admin/notes/purge", one, body: "{}")
        #expect(answer.status == 204)
        #expect(answer.headers["ratelimit-remaining"] == "\(left)")
      }
      let refused = try await client.ask("POST", "/api/v1/admin/notes/purge", one, body: "{}")
      #expect(try refused.problem() == "429 rate_limited")
      #expect(refused.headers["retry-after"] == "3")
      #expect(refused.headers["ratelimit-limit"] == "20")
      #expect(refused.headers["ratelimit-remaining"] == "0")
      #expect(try await client.status("POST", "/api/v1/admin/notes/purge", other, body: "{}") == 204)
      #expect(try await client.status("GET", "/api/v1/greeting", one) == 204)
    }
  }

  @Test @Loop func `the scale multiplies what is allowed, and an address has a bound of its own`() async throws {
    var options = Edge.Options()
    options.rateScale = 0.1
    options.callsOfAddress = 50
    try await TestEdge.run(options) { edge, client in
      for _ in 0..<5 { #expect(try await client.status("GET", "/api/v1/nothing") == 404) }
      let refused = try await client.ask("GET", "/api/v1/greeting")
      #expect(try refused.problem() == "429 rate_limited")
      #expect(refused.headers["ratelimit-limit"] == "5")
    }
  }

  @Test @Loop func `what happens is counted`() async throws {
    try await TestEdge.run { edge, client in
      let headers = try edge.signedIn()
      for _ in 0..<3 { _ = try await client.ask("GET", "/api/v1/notes/x", headers) }
      _ = try await client.ask("GET", "/api/v1/notes/x")
      _ = try await client.ask("GET", "/api/v1/nothing")
      let page = String(
        decoding: edge.edge.metrics.render(edge.edge.tokens, connections: 7, refusals: 2), as: UTF8.self)
      for line in [
        #"gateway_requests_total{endpoint="notes.note",status="2xx"} 3"#,
        #"gateway_requests_total{endpoint="notes.note",status="4xx"} 1"#, #"gateway_answers_total{status="404"} 1"#,
        #"gateway_request_seconds_count{endpoint="notes.note"} 4"#, "gateway_token_cache_hits_total 2",
        "gateway_token_cache_misses_total 1", "gateway_in_flight 0", "gateway_connections 7",
        "gateway_refused_connections_total 2",
      ] { #expect(page.contains("\n\(line)\n"), "\(line)") }
    }
  }
}
