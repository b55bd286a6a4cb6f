import EventLoop
import HTTP
import TestKit
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct HTTPChaosTests {
  private static let pieces = [
    "GET /now HTTP/1.1\r\nHost: x\r\n\r\n", "GET /later HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n",
    "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n", "POST /now HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n1234567",
    "POST /body HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n1234567",
    "POST /pieces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
    "POST /body HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 200000\r\n\r\n",
    "POST /never HTTP/1.1\r\nHost: x\r\nContent-Length: 70000\r\n\r\n", "GET /now HTTP/1.0\r\n\r\n",
    "GET / HTTP/1.1\r\n\r\n",
    "GET /leave HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: y\r\n\r\n",
    "POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", String(repeating: "a", count: 70_000), "\r\n",
    "0\r\n\r\n",
  ]

  @Loop private func handle(_ request: HTTPRequest) {
    switch request.head.rawTarget {
    case "/later":
      request.answer {
        try await Loop.sleep(for: .milliseconds(1))
        return .text("later")
      }
    case "/stream":
      let stream = HTTPResponse.Body.stream(length: nil) { writer in
        for _ in 0..<3 {
          try await writer.write([1, 2, 3])
          try await Loop.sleep(for: .microseconds(100))
        }
      }
      request.answer(HTTPResponse(status: 200, body: stream))
    case "/body":
      request.withBody { request.answer(.text("\((try? $0.get().count) ?? -1)")) }
    case "/pieces":
      request.answer {
        while try await request.nextBytes() != nil {}
        return .text("pieces")
      }
    case "/never": request.withBody { _ in request.answer(.text("whole")) }
    case "/leave":
      guard request.head.framing.wantsUpgrade else { return request.answer(.text("stay")) }
      request.upgrade(HTTPResponseHead(status: 101))?.socket.close()
    default: request.answer(.text("now"))
    }
  }

  @Test @Loop func `clients that do anything at any time leave nothing behind`() async throws {
    var random = SeededRandom.fromEnvironment()
    var limits = HTTPServer.Limits()
    limits.headTime = .milliseconds(200)
    limits.idleTime = .milliseconds(200)
    limits.rateTime = .milliseconds(200)
    try await serving(limits, handle) { server in
      for _ in 0..<30 {
        var clients: [RawClient] = []
        for _ in 0..<20 { clients.append(try await RawClient(server)) }
        for _ in 0..<200 {
          let client = clients.randomElement(using: &random)!
          switch Int.random(in: 0..<20, using: &random) {
          case 0: client.socket.close()
          case 1: client.socket.finish()
          case 2: client.socket.pauseReading()
          case 3: try await Loop.sleep(for: .milliseconds(1))
          default:
            let piece = Array(Self.pieces.randomElement(using: &random)!.utf8)
            let cut = Int.random(in: 0...piece.count, using: &random)
            client.socket.send(Array(piece[..<cut]))
            if Int.random(in: 0..<4, using: &random) == 0 { try await Loop.sleep(for: .microseconds(200)) }
            if Int.random(in: 0..<8, using: &random) > 0 { client.socket.send(Array(piece[cut...])) }
          }
        }
        let last = try await RawClient(server)
        last.send("GET /now HTTP/1.1\r\nHost: x\r\n\r\n")
        #expect(try await last.text(endingIn: "now") == ok("now"))
        // Half of them go; the limits must see to the others.
        for client in clients.prefix(10) { client.socket.close() }
        last.socket.close()
      }
      try await eventually { server.connectionCount == 0 }
    }
  }
}
