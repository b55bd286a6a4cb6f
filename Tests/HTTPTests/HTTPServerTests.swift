import EventLoop
import HTTP
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct HTTPServerTests {
  @Test @Loop func `a request is answered and the connection kept for the next`() async throws {
    try await serving {
      $0.answer(.text("hello"))
    } _: { server in
      let client = try await RawClient(server)
      for _ in 0..<3 {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await client.text(endingIn: "hello") == ok("hello"))
        client.forget()
      }
      #expect(server.connectionCount == 1)
      client.socket.close()
      try await eventually { server.connectionCount == 0 }
    }
  }

  @Test @Loop func `requests sent ahead are answered in their order, whoever is ready first`() async throws {
    try await serving { request in
      let target = request.head.rawTarget
      // The first ones take longest.
      request.answer {
        if target != "/4" { try await Loop.sleep(for: .milliseconds(target == "/1" ? 20 : 1)) }
        return .text(target)
      }
    } _: { server in
      let client = try await RawClient(server)
      client.send((1...4).map { "GET /\($0) HTTP/1.1\r\nHost: x\r\n\r\n" }.joined())
      #expect(try await client.text(endingIn: "/4") == (1...4).map { ok("/\($0)") }.joined())
    }
  }

  @Test @Loop func `thousands of requests sent ahead are all answered`() async throws {
    try await serving { request in
      request.withBody { body in request.answer(.text(String(decoding: (try? body.get()) ?? [], as: UTF8.self))) }
    } _: { server in
      let client = try await RawClient(server)
      let count = 20_000
      for number in 0..<count {
        client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n\(10_000 + number % 1000)")
      }
      let answer = ok("12345").utf8.count + "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n".utf8.count
      try await eventually { client.bytes.count == count * answer }
      #expect(client.bytes.suffix(5).elementsEqual("10999".utf8))
    }
  }

  @Test @Loop func `what breaks HTTP gets a problem document and a closed connection, and disturbs nobody`()
    async throws
  {
    try await serving {
      $0.answer(.text("fine"))
    } _: { server in
      let other = try await RawClient(server)
      other.send("GET / HTTP/1.1\r\nHo")
      let client = try await RawClient(server)
      client.send(
        "GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"
      )
      let json =
        #"{"type":"about:blank","title":"Bad Request","status":400,"detail":"There is more than one Host header.","code":"repeated_host"}"#
      let refusal =
        "HTTP/1.1 400 Bad Request\r\nContent-Length: \(json.utf8.count)\r\nConnection: close\r\nContent-Type: application/problem+json\r\n\r\n"
      #expect(try await client.whole() == ok("fine") + refusal + json)
      client.socket.close()
      other.send("st: x\r\n\r\n")
      #expect(try await other.text(endingIn: "fine") == ok("fine"))
    }
  }

  @Test @Loop func `HEAD gets the head that GET would, and no body`() async throws {
    try await serving { request in
      if request.head.rawTarget == "/stream" {
        request.answer(HTTPResponse(status: 200, body: .stream(length: nil) { try await $0.write([1]) }))
      } else {
        request.answer(.text("hello"))
      }
    } _: { server in
      let client = try await RawClient(server)
      client.send(
        "HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n")
      let stream = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
      #expect(try await client.text(endingIn: "hello") == ok("hello").dropLast(5) + stream + ok("hello"))
    }
  }

  @Test @Loop func `HTTP 1.0 is closed after the answer, or kept when it asks`() async throws {
    try await serving {
      $0.answer(.text("old"))
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
      let kept = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: keep-alive\r\nContent-Type: text/plain\r\n\r\nold"
      #expect(try await client.text(endingIn: "old") == kept)
      client.forget()
      client.send("GET / HTTP/1.0\r\n\r\n")
      #expect(try await client.whole() == ok("old", close: true))
    }
  }

  @Test @Loop func `a client that ends its half still gets its answers`() async throws {
    try await serving { request in
      request.answer {
        try await Loop.sleep(for: .milliseconds(10))
        return .text(request.head.rawTarget)
      }
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n")
      client.socket.finish()
      #expect(try await client.whole() == ok("/1") + ok("/2", close: true))
      try await eventually { server.connectionCount == 0 }
    }
  }

  @Test @Loop func `204 and 304 end with their head`() async throws {
    try await serving {
      $0.answer(HTTPResponse(status: $0.head.rawTarget == "/" ? 204 : 304))
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
      let expected = "HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nConnection: close\r\n\r\n"
      #expect(try await client.whole() == expected)
    }
  }

  @Test @Loop func `what a handler throws becomes 500 without its words, a refusal its own status`() async throws {
    struct Secret: Error {}
    let server = try HTTPServer(on: .anyLoopbackPort) { request async throws -> HTTPResponse in
      _ = try RequestTarget(request.head)
      throw Secret()
    }
    defer { server.stop() }
    var failures = 0
    server.failed = { if $0 is Secret { failures += 1 } }
    let client = try await RawClient(server)
    client.send("GET /../a HTTP/1.1\r\nHost: x\r\n\r\nGET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    let text = try await client.whole()
    #expect(text.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    #expect(text.contains(#""code":"dot_segment"}HTTP/1.1 500 Internal Server Error"#))
    #expect(text.hasSuffix(#""code":"internal_error"}"#) && !text.contains("Secret"))
    #expect(failures == 1)
  }

  @Test @Loop func `a client that goes cancels the task that answers it`() async throws {
    var outcome = "none"
    try await serving { request in
      request.answer {
        outcome = "running"
        do { try await Loop.sleep(for: .seconds(60)) } catch { outcome = "\(error)" }
        return .text("late")
      }
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      try await eventually { outcome == "running" }
      server.stop()
      try await eventually { outcome == "CancellationError()" }
    }
  }

  @Test @Loop func `a handler may leave HTTP and gets the bytes that follow`() async throws {
    var taken: (socket: Socket, leftover: [UInt8])?
    try await serving { request in
      guard request.head.framing.wantsUpgrade else { return request.answer(.text("plain")) }
      var head = HTTPResponseHead(status: 101)
      head.add("Upgrade", "echo")
      taken = request.upgrade(head)
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nabc")
      let switched = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
      #expect(try await client.text(endingIn: "echo\r\n\r\n") == ok("plain") + switched)
      let socket = try #require(taken).socket
      #expect(taken?.leftover == Array("abc".utf8))
      #expect(server.connectionCount == 0)
      socket.send(Array("raw".utf8))
      #expect(try await client.text(endingIn: "raw").hasSuffix("\r\n\r\nraw"))
      socket.close()
    }
  }

  @Test @Loop func `draining finishes what is in progress and closes the rest`() async throws {
    var waiting: HTTPRequest?
    try await serving {
      waiting = $0
    } _: { server in
      let busy = try await RawClient(server)
      let idle = try await RawClient(server)
      busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      try await eventually { waiting != nil && server.connectionCount == 2 }
      let draining = Task { @Loop in await server.drain(within: .seconds(60)) }
      #expect(try await idle.whole() == "")
      await #expect(throws: SocketError.self) { try await RawClient(server) }
      waiting?.answer(.text("done"))
      #expect(try await busy.whole() == ok("done", close: true))
      await draining.value
      #expect(server.connectionCount == 0)
    }
  }

  @Test @Loop func `draining takes no longer than it may`() async throws {
    try await serving { _ in
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      try await eventually { server.connectionCount == 1 }
      await server.drain(within: .milliseconds(20))
      #expect(server.connectionCount == 0)
      #expect(try await client.whole() == "")
    }
  }
}
