import EventLoop
import Glibc
import HTTP
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct HTTPBodyTests {
  @Test @Loop func `a body is read whole, in either framing, with callbacks or await`() async throws {
    try await serving { request in
      if request.head.rawTarget == "/await" {
        request.answer { .text(String(decoding: try await request.body(), as: UTF8.self)) }
      } else {
        request.withBody { body in request.answer(.text(String(decoding: (try? body.get()) ?? [], as: UTF8.self))) }
      }
    } _: { server in
      let client = try await RawClient(server)
      for target in ["/await", "/callback"] {
        client.forget()
        client.send("POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab")
        try await Loop.sleep(for: .milliseconds(5))
        client.send("cdePOST \(target) HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nfgh\r\n1")
        try await Loop.sleep(for: .milliseconds(5))
        client.send("\r\ni\r\n0\r\n\r\nPOST \(target) HTTP/1.1\r\nHost: x\r\nX: y\r\n\r\n")
        #expect(try await client.text(endingIn: "\r\n\r\n") == ok("abcde") + ok("fghi") + ok(""))
      }
    }
  }

  @Test @Loop func `an upload waits for its reader and passes in bounded pieces`() async throws {
    let go = Promise<Void>()
    var (largest, total, isIntact) = (0, 0, true)
    let expected = [UInt8](repeating: 3, count: 1 << 20)
    try await serving { request in
      request.bodyLimit = .max
      request.answer {
        try await go.value
        while let bytes = try await request.nextBytes() {
          largest = max(largest, bytes.count)
          total += bytes.count
          isIntact = isIntact && memcmp(bytes, expected, bytes.count) == 0
        }
        return .text("\(total)")
      }
    } _: { server in
      let client = try await RawClient(server)
      client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
      let chunk = [UInt8](repeating: 3, count: 100_000)
      for _ in 0..<320 {
        client.send("186a0\r\n")
        client.socket.send(chunk)
        client.send("\r\n")
      }
      client.send("0\r\n\r\n")
      // Nobody reads yet: what has left the client is what the kernel holds, and one read of the server's.
      try await Loop.sleep(for: .milliseconds(200))
      #expect(client.socket.pendingOutput > 16_000_000)
      go.fulfil(())
      #expect(try await client.text(endingIn: "32000000") == ok("32000000"))
      #expect(largest <= 128 * 1024)
      #expect(isIntact)
    }
  }

  @Test @Loop func `100 is sent when the body is wanted, and only then`() async throws {
    try await serving { request in
      if request.head.rawTarget == "/no" { return request.answer(.problem(status: 403, code: "no", detail: "No.")) }
      request.withBody { body in request.answer(.text(String(decoding: (try? body.get()) ?? [], as: UTF8.self))) }
    } _: { server in
      let head = "HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
      let client = try await RawClient(server)
      client.send("POST /yes \(head)")
      #expect(try await client.text(endingIn: "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n")
      client.forget()
      client.send("abc")
      #expect(try await client.text(endingIn: "abc") == ok("abc"))
      client.forget()
      client.send("POST /no \(head)")
      let refused = try await client.whole()
      #expect(refused.hasPrefix("HTTP/1.1 403 Forbidden\r\n") && refused.contains("\r\nConnection: close\r\n"))
    }
  }

  @Test @Loop func `an answer is read by a client that is still sending what nobody wants`() async throws {
    try await serving { request in
      request.withBody { body in
        #expect(body == .failure(.refused(.bodyTooLarge)))
        // Too late, and so without effect.
        request.answer(.text("never"))
      }
    } _: { server in
      let client = try await RawClient(server)
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n")
      client.socket.send([UInt8](repeating: 1, count: 400_000))
      let text = try await client.whole()
      #expect(text.hasPrefix("HTTP/1.1 413 Content Too Large\r\n"))
      #expect(text.hasSuffix(#""code":"body_too_large"}"#))
      #expect(client.reason == nil)
      client.socket.close()
      try await eventually { server.connectionCount == 0 }
    }
  }

  @Test @Loop func `a short body nobody reads is thrown away and the connection kept, a long one closes it`()
    async throws
  {
    try await serving {
      $0.answer(.text("bye"))
    } _: { server in
      let client = try await RawClient(server)
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")
      #expect(try await client.text(endingIn: "bye") == ok("bye"))
      client.forget()
      client.send("abcGET / HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await client.text(endingIn: "bye") == ok("bye"))
      client.forget()
      client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc")
      #expect(try await client.whole() == ok("bye", close: true))
    }
  }

  @Test @Loop func `a body that breaks off or breaks HTTP reaches its reader as an error`() async throws {
    var outcomes: [HTTPBroken] = []
    try await serving { request in
      request.answer {
        do {
          while try await request.nextBytes() != nil {}
        } catch let broken as HTTPBroken {
          outcomes.append(broken)
        }
        return .text("never")
      }
    } _: { server in
      let broken = try await RawClient(server)
      broken.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\nz\r\n")
      #expect(try await broken.whole().contains("malformed_chunk"))
      let gone = try await RawClient(server)
      gone.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\na")
      try await Loop.sleep(for: .milliseconds(5))
      gone.socket.close()
      try await eventually { outcomes.count == 2 }
      #expect(outcomes == [.refused(.malformedChunk), .disconnected])
    }
  }

  @Test @Loop func `an answer made while it is sent goes in chunks, or to the end for HTTP 1.0`() async throws {
    try await serving { request in
      request.answer(
        HTTPResponse(
          status: 200,
          body: .stream(length: nil) { writer in
            try await writer.write(Array("ab".utf8))
            try await writer.write([])
            try await Loop.sleep(for: .milliseconds(2))
            try await writer.write(Array("cde".utf8))
          }))
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n"
      #expect(try await client.text(endingIn: "\r\n0\r\n\r\n") == chunks)
      client.forget()
      client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      #expect(try await client.whole() == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde")
    }
  }

  @Test @Loop func `a stream goes no faster than its client reads`() async throws {
    var written = 0
    let piece = [UInt8](repeating: 1, count: 100_000)
    try await serving { request in
      request.answer(
        HTTPResponse(
          status: 200,
          body: .stream(length: 30_000_000) { writer in
            for _ in 0..<300 {
              try await writer.write(piece)
              written += piece.count
            }
          }))
    } _: { server in
      let client = try await RawClient(server)
      client.socket.pauseReading()
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      try await Loop.sleep(for: .milliseconds(200))
      #expect(written > 0 && written < 15_000_000)
      client.socket.resumeReading()
      try await eventually { client.bytes.count > 30_000_000 }
      #expect(written == 30_000_000)
    }
  }

  @Test @Loop func `a stream that fails is cut off, so that the client can tell`() async throws {
    struct Lost: Error {}
    var failures = 0
    try await serving { request in
      request.answer(
        HTTPResponse(
          status: 200,
          body: .stream(length: nil) { writer in
            try await writer.write([UInt8(ascii: "a")])
            try await Loop.sleep(for: .milliseconds(5))
            throw Lost()
          }))
    } _: { server in
      server.failed = { if $0 is Lost { failures += 1 } }
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await client.whole().hasSuffix("chunked\r\n\r\n1\r\na\r\n"))
      #expect(failures == 1)
    }
  }
}
