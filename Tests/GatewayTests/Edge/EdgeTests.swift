import Contract
import EventLoop
import Mesh
import Telemetry
import Testing

@testable import Gateway

/// Requests through the whole edge, over a real socket.
@Suite(.timeLimit(.minutes(1))) struct EdgeTests {
  private let note = "01890000-0000-7000-8000-000000000001"

  // MARK: The way through

  @Test @Loop func `a request of nobody in particular reaches the service, and its answer the client`() async throws {
    try await TestEdge.run { edge, client in
      let begin = Timestamp.now
      let answer = try await client.ask("GET", "/api/v1/greeting?name=a%20b&x=1")
      #expect(answer.status == 200)
      #expect(answer.body == #"{"text":"hello"}"#)
      #expect(answer.headers["content-type"] == "application/json")
      #expect(answer.headers["cache-control"] == "no-store")
      #expect(answer.headers["x-content-type-options"] == "nosniff")
      #expect(answer.headers["referrer-policy"] == "no-referrer")
      #expect(answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'")
      #expect(answer.headers["strict-transport-security"] == nil)
      #expect(answer.headers["ratelimit-limit"] == "600")
      #expect(answer.headers["ratelimit-remaining"] == "599")
      #expect(answer.headers["ratelimit-reset"] == "1")
      let question = try #require(edge.questions.first)
      #expect(question.passport.endpoint == "notes.greeting")
      #expect(question.passport.caller == .anyone)
      #expect(question.passport.request.description == answer.headers["x-request-id"])
      #expect(String(decoding: question.body, as: UTF8.self) == "name=a%20b&x=1")
      #expect(question.key == nil)
      #expect(question.hedgeAfter == .milliseconds(100))
      #expect((begin + .seconds(15)...Timestamp.now + .seconds(15)).contains(question.passport.deadline))
    }
  }

  @Test @Loop func `a member is known by the token, and the path's value is passed on`() async throws {
    try await TestEdge.run { edge, client in
      let member = MemberID(at: .now)
      let headers = try edge.signedIn(member: member)
      let answer = try await client.ask("GET", "/api/v1/notes/\(note)", headers)
      #expect(answer.status == 200)
      let question = try #require(edge.questions.first)
      #expect(question.passport.caller.member == member)
      #expect(question.passport.path == ["note": note])
      #expect(question.key == Array(note.utf8))
    }
  }

  @Test @Loop func `a change carries its key, or gets one`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in .success(Answer(.reply, status: 201, body: Array("{}".utf8))) }
      let member = MemberID(at: .now)
      var headers = try edge.signedIn(member: member)
      #expect(try await client.status("POST", "/api/v1/notes", headers, body: #"{"text":"a"}"#) == 201)
      headers["Idempotency-Key"] = "one"
      #expect(try await client.status("POST", "/api/v1/notes", headers, body: #"{"text":"b"}"#) == 201)
      let (minted, chosen) = (edge.questions[0].passport, edge.questions[1].passport)
      #expect(minted.idempotencyKey == minted.request.description)
      #expect(!minted.isKeyFromClient)
      #expect(chosen.idempotencyKey == "one")
      #expect(chosen.isKeyFromClient)
      #expect(edge.questions[0].hedgeAfter == .seconds(1))
      #expect(edge.questions[1].key == Array(member.description.utf8))
      #expect(String(decoding: edge.questions[1].body, as: UTF8.self) == #"{"text":"b"}"#)
    }
  }

  @Test @Loop func `HEAD is GET without the body, and an unversioned path is the current version's`() async throws {
    try await TestEdge.run { edge, client in
      let head = try await client.ask("HEAD", "/api/greeting")
      #expect(head.status == 200)
      #expect(head.headers["content-length"] == "16")
      #expect(try await client.ask("GET", "/api/greeting").body == #"{"text":"hello"}"#)
      #expect(edge.questions.map(\.passport.endpoint) == ["notes.greeting", "notes.greeting"])
    }
  }

  @Test @Loop func `an answer without a body says nothing about its type`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in .success(Answer(.reply, status: 204, body: [])) }
      let answer = try await client.ask("DELETE", "/api/v1/notes/\(note)", try edge.signedIn())
      #expect(answer.status == 204)
      #expect(answer.headers["content-type"] == nil)
      #expect(answer.headers["content-length"] == nil)
    }
  }

  @Test @Loop func `a service hears who the client is and which version it wants to change`() async throws {
    try await TestEdge.run { edge, client in
      _ = try await client.ask("GET", "/api/v1/greeting", ["User-Agent": "test/1", "If-Match": "\"7\""])
      _ = try await client.ask("GET", "/api/v1/greeting", ["User-Agent": String(repeating: "x", count: 1000)])
      #expect(
        edge.questions[0].passport.client
          == ClientDetails(address: "127.0.0.1", userAgent: "test/1", ifMatch: "\"7\""))
      #expect(edge.questions[1].passport.client?.userAgent.count == 256)
    }
  }

  @Test @Loop func `what has a tag is not sent to whoever has it already`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in
        .success(
          Answer(
            .reply, status: 200, body: Array("{}".utf8),
            headers: [ReplyHeader(.entityTag, "\"7\""), ReplyHeader(.location, "/x\r\nSet-Cookie: y")]))
      }
      let first = try await client.ask("GET", "/api/v1/greeting")
      #expect(first.headers["etag"] == "\"7\"")
      #expect(first.headers["location"] == "/x  Set-Cookie: y")
      #expect(first.headers["cache-control"] == "private, no-cache")
      let again = try await client.ask("GET", "/api/v1/greeting", ["If-None-Match": "\"6\", W/\"7\""])
      #expect(again.status == 304)
      #expect(again.headers["etag"] == "\"7\"")
      #expect(again.headers["content-length"] == nil)
      #expect(try await client.status("GET", "/api/v1/greeting", ["If-None-Match": "\"6\""]) == 200)
    }
  }

  @Test @Loop func `a problem says when to try again, if the service does`() async throws {
    try await TestEdge.run { edge, client in
      let later = [ReplyHeader(.retryAfter, "7")]
      let cases: [(Int, [ReplyHeader], String?)] = [
        (429, later, "7"), (429, [], nil), (503, later, "7"), (503, [], "1"),
      ]
      for (status, headers, expected) in cases {
        edge.answer = { _ in .success(Answer(Problem(status, "later", "Later."), headers: headers)) }
        let answer = try await client.ask("GET", "/api/v1/greeting")
        #expect(answer.headers["retry-after"] == expected)
      }
    }
  }

  @Test @Loop func `a trace that the client began goes on`() async throws {
    try await TestEdge.run { edge, client in
      let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
      _ = try await client.ask("GET", "/api/v1/greeting", ["traceparent": trace])
      _ = try await client.ask("GET", "/api/v1/greeting", ["traceparent": "junk"])
      #expect(edge.questions[0].trace?.traceparent.hasPrefix("00-0af7651916cd43dd8448eb211c80319c-") == true)
      #expect(edge.questions[0].trace?.traceparent.contains("b7ad6b7169203331") == false)
      #expect(edge.questions[1].trace != nil)
    }
  }

  // MARK: Answers that are not JSON

  @Test @Loop func `a document has its own media type, and its service says who may keep it`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in
        .success(
          Answer(
            .reply, status: 200, body: Array("a;b\n".utf8),
            headers: Document([], fileName: "notes.csv", cacheControl: "private, max-age=60").headers))
      }
      let answer = try await client.ask("GET", "/api/v1/notes.csv", try edge.signedIn())
      #expect(answer.body == "a;b\n")
      #expect(answer.headers["content-type"] == "text/csv; charset=utf-8")
      #expect(answer.headers["cache-control"] == "private, max-age=60")
      #expect(
        answer.headers["content-disposition"] == #"attachment; filename="notes.csv"; filename*=UTF-8''notes.csv"#)
    }
  }

  @Test @Loop func `a redirect has a place to go on and no content`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in
        .success(Answer(.reply, status: 302, body: [], headers: Redirect(to: "https://a.example/?b=c").headers))
      }
      let answer = try await client.ask("GET", "/api/v1/elsewhere")
      #expect(answer.status == 302)
      #expect(answer.headers["location"] == "https://a.example/?b=c")
      #expect(answer.headers["content-type"] == nil)
      #expect(answer.headers["cache-control"] == "no-store")
    }
  }

  // MARK: Beacons

  @Test @Loop func `a beacon is JSON under the name of plain text, with the token in its body`() async throws {
    try await TestEdge.run { edge, client in
      let member = MemberID(at: .now)
      let token = try edge.signedIn(member: member)["Authorization"]?.dropFirst("Bearer ".count) ?? ""
      let body = #"{"page":"/a","accessToken":"\#(token)"}"#
      let answer = try await client.ask(
        "POST", "/api/v1/seen", ["Content-Type": "text/plain;charset=UTF-8"], body: body)
      #expect(answer.status == 200)
      #expect(answer.headers["ratelimit-remaining"] == "599")
      #expect(edge.questions[0].passport.caller.member == member)
      #expect(edge.questions[0].key == Array(member.description.utf8))
      #expect(String(decoding: edge.questions[0].body, as: UTF8.self) == body)
      // With a header it is a request like others.
      let signedIn = try edge.signedIn(member: member)
      #expect(try await client.status("POST", "/api/v1/seen", signedIn, body: #"{"page":"/b"}"#) == 200)
      #expect(edge.questions[1].passport.caller.member == member)
    }
  }

  @Test @Loop func `a beacon without a token that holds goes no further`() async throws {
    try await TestEdge.run { edge, client in
      let text = ["Content-Type": "text/plain"]
      let bodies = [
        ("{}", "401 not_signed_in"), (#"{"accessToken":7}"#, "401 not_signed_in"), ("[]", "401 not_signed_in"),
        (#"{"accessToken":"x.y.z"}"#, "401 token_invalid"), (#"{"accessToken":}"#, "400 malformed_json"),
        ("page=/a", "400 malformed_json"), ("", "401 not_signed_in"),
      ]
      for (body, expected) in bodies {
        #expect(try await client.problem("POST", "/api/v1/seen", text, body: body) == expected, "\(body)")
      }
      let latin = ["Content-Type": "text/plain; charset=latin-1"]
      let answer = try await client.ask("POST", "/api/v1/seen", latin, body: "{}")
      #expect(try answer.problem() == "415 unsupported_media_type")
      #expect(answer.headers["accept-post"] == "application/json, text/plain")
      #expect(edge.questions.isEmpty)
    }
  }

  // MARK: What goes no further

  @Test @Loop func `what a client does wrong is said with its status and code, and no service hears of it`()
    async throws
  {
    try await TestEdge.run { edge, client in
      let member = try edge.signedIn()
      let cases: [(String, String, [String: String], String?, String)] = [
        ("GET", "/api/v1/nothing", [:], nil, "404 not_found"),
        ("GET", "/api/v1/greeting/", [:], nil, "404 not_found"),
        ("GET", "/api/v1/../greeting", [:], nil, "400 dot_segment"),
        ("GET", "/api//v1/greeting", [:], nil, "400 empty_segment"),
        ("GET", "/api/v1/notes/a%2fb", member, nil, "400 encoded_slash"),
        ("GET", "/api/v1/notes/a%00b", member, nil, "400 encoded_control"),
        ("GET", "/api/v1/greeting?name=%ff", [:], nil, "400 target_not_utf8"),
        ("POST", "/api/v1/greeting", [:], "{}", "405 method_not_allowed"),
        ("POST", "/openapi.json", [:], "{}", "405 method_not_allowed"),
        ("TRACE", "/api/v1/greeting", [:], nil, "405 method_not_allowed"),
        ("GET", "/api/v1/notes/\(note)", [:], nil, "401 not_signed_in"),
        ("GET", "/api/v1/notes/\(note)", ["Authorization": "Bearer x.y.z"], nil, "401 token_invalid"),
        ("GET", "/api/v1/notes/\(note)", ["Authorization": "Basic x"], nil, "401 token_invalid"),
        ("POST", "/api/v1/admin/notes/purge", member, "{}", "403 forbidden"),
        ("GET", "/api/v1/greeting", [:], "{}", "400 unexpected_body"),
        (
          "POST", "/api/v1/notes", member.merging(["Content-Type": "text/plain"]) { $1 }, "{}",
          "415 unsupported_media_type"
        ),
        (
          "POST", "/api/v1/notes", member.merging(["Content-Encoding": "gzip"]) { $1 }, "{}", "415 unsupported_encoding"
        ),
        ("POST", "/api/v1/notes", member, #"{"text":}"#, "400 malformed_json"),
        ("POST", "/api/v1/notes", member.merging(["Idempotency-Key": ""]) { $1 }, "{}", "400 invalid_idempotency_key"),
        (
          "POST", "/api/v1/notes", member.merging(["Idempotency-Key": String(repeating: "k", count: 256)]) { $1 }, "{}",
          "400 invalid_idempotency_key"
        ),
      ]
      for (method, path, headers, body, expected) in cases {
        let client = try await edge.client()
        let answer = try await client.ask(method, path, headers, body: body)
        #expect(try answer.problem() == expected, "\(method) \(path)")
        client.close()
      }
      #expect(edge.questions.isEmpty)
      let wrong = try await client.ask("PUT", "/api/v1/notes/\(note)?token=secret", member, body: "{}")
      #expect(wrong.headers["allow"] == "GET, HEAD, DELETE, OPTIONS")
      #expect(try wrong.member("instance") == "/api/v1/notes/\(note)")
      let unknown = try await client.ask("GET", "/api/v1/notes/\(note)")
      #expect(unknown.headers["www-authenticate"] == #"Bearer realm="skillmesh""#)
    }
  }

  @Test @Loop func `a body that is not UTF-8 or too large is refused`() async throws {
    try await TestEdge.run { edge, client in
      let token = try edge.signedIn()["Authorization"] ?? ""
      let head =
        "POST /api/v1/notes HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: \(token)\r\n"
      client.send(Array("\(head)Content-Length: 4\r\n\r\n".utf8) + [0x22, 0xc3, 0x28, 0x22])
      #expect(try await client.answer().problem() == "400 invalid_utf8")
      client.send("\(head)Content-Length: 1048577\r\n\r\n")
      let answer = try await client.answer()
      #expect(answer.status == 413)
      #expect(try answer.member("code") == "body_too_large")
      #expect(try answer.member("requestId") == answer.headers["x-request-id"])
      #expect(answer.headers["x-content-type-options"] == "nosniff")
      #expect(edge.questions.isEmpty)
    }
  }

  @Test @Loop func `where anyone may ask, a token that does not hold is as good as none`() async throws {
    try await TestEdge.run { edge, client async throws in
      #expect(try await client.status("GET", "/api/v1/greeting", ["Authorization": "Bearer x.y.z"]) == 200)
      #expect(edge.questions[0].passport.caller == .anyone)
      #expect(try await client.status("GET", "/api/v1/greeting", try edge.signedIn()) == 200)
      #expect(edge.questions[1].passport.caller.member != nil)
    }
  }

  @Test @Loop func `a suspended member is refused at once, with a token that was known already`() async throws {
    try await TestEdge.run { edge, client in
      let member = MemberID(at: .now)
      let headers = try edge.signedIn(member: member)
      #expect(try await client.status("GET", "/api/v1/notes/\(note)", headers) == 200)
      IdentityFeed(edge: edge.edge, log: .disabled).apply(
        revocation: "member:\(member)", Array(#"{"until":"2999-01-01T00:00:00Z","reason":"suspended"}"#.utf8))
      #expect(try await client.problem("GET", "/api/v1/notes/\(note)", headers) == "403 account_suspended")
      IdentityFeed(edge: edge.edge, log: .disabled).apply(revocation: "member:\(member)", nil)
      #expect(try await client.status("GET", "/api/v1/notes/\(note)", headers) == 200)
    }
  }

  // MARK: What services say

  @Test @Loop func `a service's no becomes a problem with the request's path and name`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in
        .success(
          Answer(
            Problem(
              422, "invalid_fields", "Some are wrong.", errors: [.init(pointer: "/a", code: "required", detail: "x")])))
      }
      let answer = try await client.ask("POST", "/api/v1/notes", try edge.signedIn(), body: "{}")
      #expect(try answer.problem() == "422 invalid_fields")
      #expect(try answer.member("instance") == "/api/v1/notes")
      #expect(answer.body.hasSuffix(#""errors":[{"pointer":"/a","code":"required","detail":"x"}]}"#))
    }
  }

  @Test(arguments: [
    (AskError.timedOut(endpoint: "notes.note"), "504 timed_out"), (.overloaded, "503 overloaded"),
    (.unreachable("gone"), "503 unavailable"), (.unknownEndpoint("notes.note"), "503 unavailable"),
    (.closed, "503 unavailable"),
  ])
  @Loop func `no answer is said as what it is`(_ error: AskError, _ expected: String) async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in .failure(error) }
      let answer = try await client.ask("GET", "/api/v1/greeting")
      #expect(try answer.problem() == expected)
      #expect((answer.headers["retry-after"] != nil) == (answer.status == 503))
      #expect(!answer.body.contains("gone"))
    }
  }

  @Test @Loop func `an answer that cannot be understood is an error of ours`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in .success(Answer(.failure, status: 500, body: Array("<trace>".utf8))) }
      let answer = try await client.ask("GET", "/api/v1/greeting")
      #expect(try answer.problem() == "500 internal_error")
      #expect(!answer.body.contains("trace>"))
    }
  }
}
