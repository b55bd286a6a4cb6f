import Contract
import Crypto
import EventLoop
import Foundation
import HTTP
import Mesh
import Storage
import Testing
import Wire

@testable import Gateway

/// Files through the edge into a folder, with the service's part played by the test.
@Suite(.timeLimit(.minutes(1))) struct UploadTests {
  private let path = "/api/v1/notes/01890000-0000-7000-8000-000000000001/picture"
  private let done = Answer(.reply, status: 204, body: [])

  private static func ticket(_ json: String = "{}") -> Answer { Answer(.reply, status: 200, body: Array(json.utf8)) }

  /// Gives leave, then says `then` to the endpoint's own question, while the file is still there.
  @Loop private func answer(
    _ edge: TestEdge, _ then: @escaping @Loop (Question) -> Result<Answer, AskError>
  ) {
    edge.answer = { question in
      question.passport.endpoint.hasSuffix(".ticket") ? .success(Self.ticket()) : then(question)
    }
  }

  private func form(_ parts: String...) -> String {
    parts.map { "--b\r\n\($0)\r\n" }.joined() + "--b--\r\n"
  }

  @Test @Loop func `a file goes to storage, and its service hears where it is`() async throws {
    try await TestEdge.run { edge, client in
      var stored: [UInt8]?
      answer(edge) { [done] question in
        stored = question.passport.object.flatMap { key in
          try? Array(String(contentsOfFile: "\(edge.storage.root)/\(key)", encoding: .utf8).utf8)
        }
        return .success(done)
      }
      let member = MemberID(at: .now)
      var headers = try edge.signedIn(member: member)
      headers["Content-Type"] = "image/PNG; x=y"
      headers["Idempotency-Key"] = "one"
      #expect(try await client.status("PUT", path, headers, body: "picture") == 204)
      let (ticket, commit) = (edge.questions[0], edge.questions[1])
      #expect(ticket.passport.endpoint == "notes.hang.ticket")
      #expect(ticket.passport.caller.member == member)
      #expect(ticket.passport.object == nil)
      #expect(String(decoding: ticket.body, as: UTF8.self) == #"{"mediaType":"image/png","size":7}"#)
      #expect(commit.passport.endpoint == "notes.hang")
      #expect(commit.passport.idempotencyKey == "one")
      #expect(commit.passport.path["note"] == "01890000-0000-7000-8000-000000000001")
      #expect(commit.passport.object?.audience == .incoming)
      #expect(stored == Array("picture".utf8))
      let hash = Hex.encode(SHA256.hash(Array("picture".utf8)))
      #expect(
        String(decoding: commit.body, as: UTF8.self) == #"{"size":7,"sha256":"\#(hash)","mediaType":"image/png"}"#)
      try await eventually { edge.files(below: "incoming").isEmpty }
    }
  }

  @Test @Loop func `a file in a form is the same, with its name`() async throws {
    try await TestEdge.run { edge, client in
      answer(edge) { [done] _ in .success(done) }
      var headers = try edge.signedIn()
      headers["Content-Type"] = "multipart/form-data; boundary=b"
      let body = form(
        "Content-Disposition: form-data; name=\"title\"\r\n\r\nMe",
        "Content-Disposition: form-data; name=\"file\"; filename=\"C:\\\\me.png\"\r\nContent-Type: image/png\r\n\r\npicture"
      )
      #expect(try await client.status("PUT", path, headers, body: body) == 204)
      let text = String(decoding: edge.questions[1].body, as: UTF8.self)
      #expect(text.hasPrefix(#"{"size":7,"#))
      #expect(text.hasSuffix(#""mediaType":"image/png","fileName":"me.png"}"#))
    }
  }

  @Test @Loop func `ten megabytes pass in pieces, with flat memory and nothing left`() async throws {
    try await TestEdge.run { edge, client in
      answer(edge) { [done] _ in .success(done) }
      let token = try edge.signedIn()["Authorization"] ?? ""
      let size = 10 << 20
      client.send(
        "PUT \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: \(token)\r\nContent-Type: image/png\r\n"
          + "Content-Length: \(size)\r\n\r\n")
      for _ in 0..<160 { client.send([UInt8](repeating: 7, count: size / 160)) }
      #expect(try await client.answer().status == 204)
      #expect(String(decoding: edge.questions[1].body, as: UTF8.self).hasPrefix(#"{"size":10485760,"#))
      try await eventually { edge.files(below: "incoming").isEmpty }
      #expect(edge.files(below: "spool").isEmpty)
    }
  }

  @Test @Loop func `what is wrong with a file is said, and nothing of it is stored`() async throws {
    try await TestEdge.run { edge, _ in
      answer(edge) { [done] _ in .success(done) }
      let member = try edge.signedIn()
      let multipart = "multipart/form-data; boundary=b"
      let file = "Content-Disposition: form-data; name=\"a\"; filename=\"a\"\r\nContent-Type: image/png\r\n\r\nx"
      let cases: [(type: String?, body: String?, expected: String)] = [
        ("image/png", nil, "400 file_missing"), ("text/html", "x", "415 unsupported_media_type"),
        ("image/pngx", "x", "415 unsupported_media_type"), ("application/json", "{}", "415 unsupported_media_type"),
        ("multipart/form-data", "x", "400 no_boundary"), (multipart, "x", "400 form_cut_off"),
        (multipart, form(), "400 file_missing"), (multipart, "--b\r\n\r\n\r\nx\r\n--b--", "400 malformed_part"),
        (multipart, form("Content-Disposition: form-data; name=\"a\"\r\n\r\nx"), "400 file_missing"),
        (multipart, form(file, file), "400 several_files"),
        (multipart, form(file.replacing("image/png", with: "text/html")), "415 unsupported_media_type"),
      ]
      for (type, body, expected) in cases {
        let client = try await edge.client()
        var headers = member
        headers["Content-Type"] = type
        #expect(try await client.problem("PUT", path, headers, body: body) == expected, "\(type ?? "")")
        client.close()
      }
      let client = try await edge.client()
      #expect(try await client.problem("PUT", path, ["Content-Type": "image/png"], body: "x") == "401 not_signed_in")
      #expect(edge.questions.allSatisfy { $0.passport.endpoint.hasSuffix(".ticket") })
      #expect(edge.files(below: "incoming").isEmpty)
    }
  }

  @Test @Loop func `a file that is too large is refused by its length, or where it becomes so`() async throws {
    try await TestEdge.run { edge, client in
      answer(edge) { [done] _ in .success(done) }
      let token = try edge.signedIn()["Authorization"] ?? ""
      let head = "PUT \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: \(token)\r\nContent-Type: image/png\r\n"
      client.send("\(head)Content-Length: \((10 << 20) + 1)\r\n\r\n")
      #expect(try await client.answer().problem() == "413 body_too_large")
      #expect(edge.questions.isEmpty)
      edge.answer = { _ in .success(Self.ticket(#"{"limit":100}"#)) }
      let other = try await edge.client()
      other.send(
        "\(head)Transfer-Encoding: chunked\r\n\r\n64\r\n\(String(repeating: "x", count: 100))\r\n1\r\nx\r\n0\r\n\r\n")
      #expect(try await other.answer().problem() == "413 body_too_large")
      #expect(edge.questions.count == 1)
    }
  }

  @Test @Loop func `without leave nothing of the file is taken`() async throws {
    try await TestEdge.run { edge, client in
      edge.answer = { _ in .success(Answer(Problem(NotesContract.Hang.Refusal.full))) }
      var headers = try edge.signedIn()
      headers["Content-Type"] = "image/png"
      #expect(try await client.problem("PUT", path, headers, body: "x") == "409 no_room")
      #expect(edge.questions.map(\.passport.endpoint) == ["notes.hang.ticket"])
      edge.answer = { _ in .failure(.unknownEndpoint("notes.hang.ticket")) }
      #expect(try await client.problem("PUT", path, headers, body: "x") == "503 unavailable")
      #expect(edge.files(below: "incoming").isEmpty)
    }
  }

  @Test @Loop func `what a service refuses is removed, and what it may still be at is left to be swept`() async throws {
    try await TestEdge.run { edge, client in
      var headers = try edge.signedIn()
      headers["Content-Type"] = "image/png"
      answer(edge) { _ in .success(Answer(Problem(422, "no_picture", "This is no picture."))) }
      #expect(try await client.problem("PUT", path, headers, body: "x") == "422 no_picture")
      try await eventually { edge.files(below: "incoming").isEmpty }
      answer(edge) { _ in .failure(.timedOut(endpoint: "notes.hang")) }
      #expect(try await client.problem("PUT", path, headers, body: "x") == "504 timed_out")
      #expect(edge.files(below: "incoming").count == 1)
      #expect(try await edge.storage.sweep(before: .now + .seconds(10)) == 1)
    }
  }

  @Test @Loop func `a client that goes away amid its file leaves nothing behind`() async throws {
    try await TestEdge.run(Edge.Options()) { edge, client in
      answer(edge) { [done] _ in .success(done) }
      let token = try edge.signedIn()["Authorization"] ?? ""
      client.send(
        "PUT \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: \(token)\r\nContent-Type: image/png\r\n"
          + "Content-Length: 1000000\r\n\r\n")
      client.send([UInt8](repeating: 7, count: 400_000))
      try await eventually { !edge.questions.isEmpty }
      client.close()
      // Its place is free again: the next ones, as many as there are places, all get through.
      var headers = try edge.signedIn()
      headers["Content-Type"] = "image/png"
      try await eventually { edge.uploads.underWay == 0 }
      for _ in 0..<5 {
        let next = try await edge.client()
        #expect(try await next.status("PUT", path, headers, body: "x") == 204)
      }
      try await eventually { edge.files(below: "incoming").isEmpty }
      #expect(edge.files(below: "spool").isEmpty)
      #expect(edge.questions.count { !$0.passport.endpoint.hasSuffix(".ticket") } == 5)
    }
  }

  @Test @Loop func `more files at once than there is room for are refused`() async throws {
    let edge = try TestEdge(uploads: 1)
    defer { edge.server.stop() }
    edge.answer = { _ in nil }
    var headers = try edge.signedIn()
    headers["Content-Type"] = "image/png"
    let first = try await edge.client()
    first.send(
      "PUT \(path) HTTP/1.1\r\nHost: x\r\nAuthorization: \(headers["Authorization"] ?? "")\r\nContent-Type: image/png\r\n"
        + "Content-Length: 1\r\n\r\n")
    try await eventually { edge.waiting.count == 1 }
    let second = try await edge.client()
    #expect(try await second.problem("PUT", path, headers, body: "x") == "503 overloaded")
    edge.answerNext(.failure(.closed))
    #expect(try await first.answer().problem() == "503 unavailable")
  }
}
