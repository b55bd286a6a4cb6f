import EventLoop
import HTTP
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct HTTPTimeTests {
  private var short: HTTPServer.Limits {
    var limits = HTTPServer.Limits()
    limits.headTime = .milliseconds(100)
    limits.idleTime = .milliseconds(100)
    limits.rateTime = .milliseconds(100)
    return limits
  }

  @Test @Loop func `a head that does not end gets 408`() async throws {
    try await serving(short) {
      $0.answer(.text("ok"))
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n")
      let text = try await client.whole()
      #expect(text.hasPrefix("HTTP/1.1 408 Request Timeout\r\n") && text.hasSuffix(#""code":"head_too_slow"}"#))
    }
  }

  @Test @Loop func `a head sent byte by byte has no more time than any other`() async throws {
    try await serving(short) {
      $0.answer(.text("ok"))
    } _: { server in
      let client = try await RawClient(server)
      for byte in String(repeating: "a", count: 400).utf8 where !client.isEnded {
        client.socket.send([byte])
        try await Loop.sleep(for: .milliseconds(5))
      }
      #expect(client.text.hasPrefix("HTTP/1.1 408 "))
    }
  }

  @Test @Loop func `silence closes the connection without a word`() async throws {
    try await serving(short) {
      $0.answer(.text("ok"))
    } _: { server in
      let silent = try await RawClient(server)
      let used = try await RawClient(server)
      used.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await silent.whole() == "")
      #expect(try await used.whole() == ok("ok"))
    }
  }

  @Test @Loop func `a handler may take longer than any client`() async throws {
    try await serving(short) { request in
      request.answer {
        try await Loop.sleep(for: .milliseconds(500))
        return .text("at last")
      }
    } _: { server in
      let client = try await RawClient(server)
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await client.text(endingIn: "at last") == ok("at last"))
    }
  }

  @Test @Loop func `a body that comes too slowly gets 408, one that comes in time is taken`() async throws {
    var limits = short
    limits.bodyRate = 1000
    var outcome: [HTTPBroken] = []
    try await serving(limits) { request in
      request.withBody { body in
        if case .failure(let broken) = body { outcome.append(broken) }
        request.answer(.text("taken"))
      }
    } _: { server in
      let slow = try await RawClient(server)
      let steady = try await RawClient(server)
      slow.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
      steady.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
      for _ in 0..<50 {
        slow.send("a")
        steady.socket.send([UInt8](repeating: 1, count: 2000))
        try await Loop.sleep(for: .milliseconds(10))
      }
      #expect(try await steady.text(endingIn: "taken") == ok("taken"))
      #expect(try await slow.whole().hasSuffix(#""code":"body_too_slow"}"#))
      #expect(outcome == [.tooSlow])
    }
  }

  @Test @Loop func `a client that does not take its answer is cut off`() async throws {
    try await serving(short) { request in
      request.answer(HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 40_000_000))))
    } _: { server in
      let client = try await RawClient(server)
      client.socket.pauseReading()
      client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      try await eventually { server.connectionCount == 1 }
      try await eventually { server.connectionCount == 0 }
      client.socket.resumeReading()
      try await eventually { client.isEnded || client.isClosed }
      #expect(client.bytes.count < 40_000_000)
    }
  }

  @Test @Loop func `answers that pile up stop further requests from being read`() async throws {
    var served = 0
    try await serving { request in
      served += 1
      request.answer(HTTPResponse(status: 200, body: .bytes([UInt8](repeating: 1, count: 100_000))))
    } _: { server in
      let client = try await RawClient(server)
      client.socket.pauseReading()
      for _ in 0..<1000 { client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n") }
      try await Loop.sleep(for: .milliseconds(300))
      #expect(served > 0 && served < 200)
      client.socket.resumeReading()
      try await eventually { client.bytes.count > 100_000_000 }
      #expect(served == 1000)
    }
  }

  @Test @Loop func `connections beyond the limit get 503, and a place that becomes free is used again`() async throws {
    var limits = HTTPServer.Limits()
    limits.connections = 2
    try await serving(limits) {
      $0.answer(.text("ok"))
    } _: { server in
      let first = try await RawClient(server)
      _ = try await RawClient(server)
      let third = try await RawClient(server)
      #expect(try await third.whole().hasPrefix("HTTP/1.1 503 Service Unavailable\r\n"))
      #expect(server.refusals == 1)
      first.socket.close()
      try await eventually { server.connectionCount == 1 }
      let fourth = try await RawClient(server)
      fourth.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      #expect(try await fourth.text(endingIn: "ok") == ok("ok"))
    }
  }
}
