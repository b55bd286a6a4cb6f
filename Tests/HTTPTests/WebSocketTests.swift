import EventLoop
import HTTP
import TestKit
import Testing
import Wire

/// Keeps what a connection tells, and does what a test wants with it.
@Loop private final class Recorder: WebSocketDelegate {
  var react: @Loop (WebSocketMessage, WebSocketConnection) -> Void = { _, _ in }
  private(set) var messages: [WebSocketMessage] = []
  private(set) var ends: [WebSocketClose] = []
  private(set) var connection: WebSocketConnection

  init(_ connection: WebSocketConnection) { self.connection = connection }

  func received(_ message: WebSocketMessage, on connection: WebSocketConnection) {
    messages.append(message)
    react(message, connection)
  }

  func closed(_ connection: WebSocketConnection, _ close: WebSocketClose) { ends.append(close) }
}

/// A server of WebSockets, and who speaks on each.
@Loop private final class Sockets {
  let sockets: WebSockets
  private(set) var recorders: [Recorder] = []
  private(set) var server: HTTPServer!

  init(_ limits: WebSockets.Limits = .init(), _ react: @escaping @Loop (WebSocketMessage, WebSocketConnection) -> Void)
    throws
  {
    sockets = WebSockets(limits: limits)
    server = try HTTPServer(on: .anyLoopbackPort) { [unowned self] request in
      sockets.accept(request) { connection in
        let recorder = Recorder(connection)
        recorder.react = react
        recorders.append(recorder)
        return recorder
      }
    }
  }

  static let greeting = """
    GET / HTTP/1.1\r
    Host: x\r
    Connection: Upgrade\r
    Upgrade: websocket\r
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
    Sec-WebSocket-Version: 13\r
    \r\n
    """
  static let answer = """
    HTTP/1.1 101 Switching Protocols\r
    Connection: Upgrade\r
    Upgrade: websocket\r
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r
    \r\n
    """

  /// A client whose handshake is done.
  func client() async throws -> RawClient {
    let client = try await RawClient(server)
    client.send(Self.greeting)
    #expect(try await client.text(endingIn: "\r\n\r\n") == Self.answer)
    client.forget()
    return client
  }

  func stop() {
    sockets.stop()
    server.stop()
  }
}

extension RawClient {
  fileprivate func send(_ frames: ClientFrame...) { socket.send(frames.flatMap(\.bytes)) }

  /// Waits until exactly these frames have come.
  fileprivate func expect(_ frames: WebSocketFrame...) async throws {
    let expected = frames.flatMap(\.bytes)
    try await eventually { self.bytes.count >= expected.count || self.isEnded || self.isClosed }
    #expect(bytes == expected)
    forget()
  }
}

@Loop private func speaking(
  _ limits: WebSockets.Limits = .init(),
  _ react: @escaping @Loop (WebSocketMessage, WebSocketConnection) -> Void = { _, _ in },
  _ body: @Loop (Sockets) async throws -> Void
) async throws {
  let sockets = try Sockets(limits, react)
  defer { sockets.stop() }
  try await body(sockets)
}

/// What our own client was told.
@Loop private final class Told {
  var texts: [String] = []
  var ends: [WebSocketCloseCode] = []
}

private let echo: @Loop (WebSocketMessage, WebSocketConnection) -> Void = { message, connection in
  switch message {
  case .text(let bytes): connection.send(WebSocketFrame(text: bytes))
  case .binary(let bytes): connection.send(WebSocketFrame(binary: bytes))
  }
}

@Suite(.timeLimit(.minutes(1))) struct WebSocketTests {
  @Test @Loop func `our client and our server understand one another, and each hears how it ends`() async throws {
    try await speaking(.init(), echo) { sockets in
      let told = Told()
      func client() async throws -> WebSocketClient {
        try await WebSocketClient.connect(to: sockets.server.address, "/") {
          told.texts.append(String(decoding: $0, as: UTF8.self))
        } end: {
          told.ends.append($0.code)
        }
      }
      let long = String(repeating: "x", count: 60_000)
      let orderly = try await client()
      for text in ["a", long, ""] { orderly.send(Array(text.utf8)) }
      try await eventually { told.texts.count == 3 }
      #expect(told.texts == ["a", long, ""])
      sockets.recorders[0].connection.send(.ping)
      orderly.close()
      try await eventually { told.ends.count == 1 }
      #expect(sockets.recorders[0].ends.map(\.code) == [.normal])
      #expect(told.ends == [.normal])

      let cut = try await client()
      cut.drop()
      try await eventually { sockets.recorders[1].ends.count == 1 }
      #expect(sockets.recorders[1].ends.map(\.code) == [.abnormal])
      #expect(told.ends == [.normal, .abnormal])

      _ = try await client()
      sockets.recorders[2].connection.close(WebSocketClose(.goingAway))
      try await eventually { told.ends.count == 3 }
      #expect(told.ends[2] == .goingAway)
    }
  }

  @Test @Loop func `a client is told when there is no WebSocket to be had`() async throws {
    let server = try HTTPServer(on: .anyLoopbackPort) {
      $0.answer(.problem(status: 404, code: "none", detail: "None."))
    }
    defer { server.stop() }
    await #expect(throws: WebSocketOpeningError.self) {
      _ = try await WebSocketClient.connect(to: server.address, "/", hear: { _ in })
    }
  }

  @Test @Loop func `messages go both ways, and pings are answered in between`() async throws {
    try await speaking(.init(), echo) { sockets in
      let client = try await sockets.client()
      client.send(.text("a"), .ping("?"), .binary([1, 2]), .text("b", isFinal: false), .more("c", isFinal: true))
      try await client.expect(
        WebSocketFrame(text: "a"), WebSocketFrame(pong: Array("?".utf8)), WebSocketFrame(binary: [1, 2]),
        WebSocketFrame(text: "bc"))
      #expect(sockets.sockets.count == 1 && sockets.server.connectionCount == 0)
    }
  }

  @Test @Loop func `messages that come right behind the handshake are not lost`() async throws {
    try await speaking(.init(), echo) { sockets in
      let client = try await RawClient(sockets.server)
      client.socket.send(Array(Sockets.greeting.utf8) + stream(.text("early")))
      #expect(try await client.text(endingIn: "early").hasPrefix(Sockets.answer))
    }
  }

  @Test @Loop func `a request for no WebSocket gets a problem document, and the connection stays`() async throws {
    try await speaking { sockets in
      let client = try await RawClient(sockets.server)
      for _ in 0..<2 {
        client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        let answer = try await client.text(endingIn: "}")
        #expect(answer.hasPrefix("HTTP/1.1 426 Upgrade Required\r\n"))
        #expect(answer.contains("\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"))
        #expect(answer.hasSuffix(#""code":"upgrade_required"}"#))
        client.forget()
      }
      #expect(sockets.sockets.count == 0)
    }
  }

  @Test @Loop func `a client's close is answered with its code, and then the socket ends`() async throws {
    try await speaking { sockets in
      let client = try await sockets.client()
      client.send(.close(3001, "bye"), .text("ignored"))
      try await client.expect(WebSocketFrame(WebSocketClose(WebSocketCloseCode(rawValue: 3001))))
      try await eventually { client.isEnded || client.isClosed }
      #expect(sockets.recorders[0].ends == [WebSocketClose(WebSocketCloseCode(rawValue: 3001), reason: "bye")])
      #expect(sockets.recorders[0].messages.isEmpty)
      #expect(sockets.sockets.count == 0)
    }
  }

  @Test @Loop func `our close waits for the client's, takes no more messages, and says ours to the delegate`()
    async throws
  {
    let close = WebSocketClose(.goingAway, reason: "restart")
    try await speaking { sockets in
      let client = try await sockets.client()
      let recorder = sockets.recorders[0]
      recorder.connection.send(WebSocketFrame(text: "last"))
      recorder.connection.close(close)
      recorder.connection.close(WebSocketClose(.normal))
      recorder.connection.send(WebSocketFrame(text: "too late"))
      #expect(!recorder.connection.isOpen)
      try await client.expect(WebSocketFrame(text: "last"), WebSocketFrame(close))
      client.send(.text("also too late"))
      try await Loop.sleep(for: .milliseconds(20))
      #expect(recorder.ends.isEmpty && !client.isEnded)
      client.send(.close(1001))
      try await eventually { client.isEnded || client.isClosed }
      #expect(recorder.ends == [close])
      #expect(recorder.messages.isEmpty)
    }
  }

  @Test @Loop func `a client that never answers our close is dropped after its time`() async throws {
    var limits = WebSockets.Limits()
    limits.closeTime = .milliseconds(100)
    try await speaking(limits) { sockets in
      let client = try await sockets.client()
      sockets.recorders[0].connection.close(WebSocketClose(.normal))
      try await eventually { client.isEnded || client.isClosed }
      #expect(client.bytes == WebSocketFrame(WebSocketClose(.normal)).bytes)
      #expect(sockets.recorders[0].ends == [WebSocketClose(.normal)])
    }
  }

  @Test @Loop func `a client that breaks the protocol is told why, and disturbs nobody`() async throws {
    try await speaking(.init(), echo) { sockets in
      let other = try await sockets.client()
      let client = try await sockets.client()
      client.send(.text("fine"), ClientFrame(first: 0x81, payload: [0xFF]), .text("not heard"))
      let close = WebSocketClose(.invalidText)
      try await client.expect(WebSocketFrame(text: "fine"), WebSocketFrame(close))
      try await eventually { client.isEnded }
      client.socket.close()
      try await eventually { sockets.recorders[1].ends == [close] }
      #expect(sockets.recorders[1].messages == [.text(Array("fine".utf8))])
      other.send(.text("still here"))
      try await other.expect(WebSocketFrame(text: "still here"))
    }
  }

  @Test @Loop func `a message over the limit is refused with 1009 as soon as its length is known`() async throws {
    var limits = WebSockets.Limits()
    limits.message = 1000
    try await speaking(limits) { sockets in
      let client = try await sockets.client()
      client.socket.send([0x82, 0xFF, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4])
      try await client.expect(WebSocketFrame(WebSocketClose(.messageTooBig)))
      #expect(WebSocketClose(WebSocketViolation.messageTooBig).code.rawValue == 1009)
    }
  }

  @Test @Loop func `a silent client is pinged, stays while it answers, and is dropped when it does not`() async throws {
    var limits = WebSockets.Limits()
    limits.pingAfter = .milliseconds(80)
    limits.pongTime = .milliseconds(80)
    try await speaking(limits) { sockets in
      let client = try await sockets.client()
      for _ in 0..<3 {
        try await client.expect(.ping)
        client.send(.pong(""))
      }
      #expect(sockets.recorders[0].ends.isEmpty)
      try await client.expect(.ping)
      try await eventually { client.isEnded || client.isClosed }
      #expect(sockets.recorders[0].ends == [WebSocketClose(.abnormal)])
      #expect(client.bytes.isEmpty)
    }
  }

  @Test @Loop func `a client that takes nothing is closed at the queue's limit with 1013, and holds no more than that`()
    async throws
  {
    var limits = WebSockets.Limits()
    limits.output = 100_000
    limits.closeTime = .milliseconds(200)
    try await speaking(limits) { sockets in
      let client = try await sockets.client()
      client.socket.pauseReading()
      let connection = sockets.recorders[0].connection
      let frame = WebSocketFrame(binary: [UInt8](repeating: 7, count: 30_000))
      var most = 0
      // What the kernel takes is no part of the queue.
      for _ in 0..<10_000 where connection.isOpen {
        connection.send(frame)
        most = max(most, connection.pendingOutput)
        try await Loop.sleep(for: .zero)
      }
      #expect(!connection.isOpen)
      #expect(sockets.sockets.slowClients == 1)
      #expect(most <= 100_000)
      try await eventually { !sockets.recorders[0].ends.isEmpty }
      #expect(sockets.recorders[0].ends[0].code == .tryAgainLater)
      #expect(connection.pendingOutput == 0)
    }
  }

  @Test @Loop func `a client that speaks but takes nothing is no living client`() async throws {
    var limits = WebSockets.Limits()
    limits.pingAfter = .milliseconds(60)
    limits.pongTime = .milliseconds(60)
    limits.output = 8 << 20
    try await speaking(limits) { sockets in
      let client = try await sockets.client()
      client.socket.pauseReading()
      sockets.recorders[0].connection.send(WebSocketFrame(binary: [UInt8](repeating: 7, count: 8_000_000)))
      try await eventually {
        client.send(.text("I am here"))
        return !sockets.recorders[0].ends.isEmpty
      }
      #expect(sockets.recorders[0].ends == [WebSocketClose(.abnormal)])
    }
  }

  @Test @Loop func `one frame goes to many, and each gets all of its own in order`() async throws {
    try await speaking(.init(), echo) { sockets in
      var clients: [RawClient] = []
      for _ in 0..<50 { clients.append(try await sockets.client()) }
      let shared = WebSocketFrame(text: "for all")
      for (number, recorder) in sockets.recorders.enumerated() {
        recorder.connection.send(shared)
        recorder.connection.send(WebSocketFrame(text: "for \(number)"))
        recorder.connection.send(shared)
      }
      for (number, client) in clients.enumerated() {
        try await client.expect(shared, WebSocketFrame(text: "for \(number)"), shared)
      }
      #expect(shared == WebSocketFrame(text: "for all"))
    }
  }

  @Test @Loop func `connections that come and go in any order are all told, and forgotten`() async throws {
    try await speaking(.init(), echo) { sockets in
      var random = SeededRandom.fromEnvironment()
      var clients: [RawClient] = []
      for _ in 0..<40 { clients.append(try await sockets.client()) }
      for (number, client) in clients.shuffled(using: &random).enumerated() {
        number % 2 == 0 ? client.socket.close() : client.send(.close(1000))
      }
      try await eventually { sockets.sockets.count == 0 }
      #expect(sockets.recorders.allSatisfy { $0.ends.count == 1 })
    }
  }

  @Test @Loop func `a drain says farewell to all, spread over its time, and drops who stays`() async throws {
    var limits = WebSockets.Limits()
    limits.closeTime = .milliseconds(100)
    try await speaking(limits) { sockets in
      var clients: [RawClient] = []
      for _ in 0..<10 { clients.append(try await sockets.client()) }
      let started = ContinuousClock.now
      await sockets.sockets.drain(over: .milliseconds(200)) { connection in
        connection.send(WebSocketFrame(text: "come back"))
        connection.close(WebSocketClose(.goingAway))
      }
      #expect(ContinuousClock.now - started >= .milliseconds(200))
      #expect(sockets.sockets.count == 0)
      for client in clients {
        try await client.expect(WebSocketFrame(text: "come back"), WebSocketFrame(WebSocketClose(.goingAway)))
      }
      #expect(sockets.recorders.allSatisfy { $0.ends == [WebSocketClose(.goingAway)] })
    }
  }

  @Test @Loop func `whoever is given a connection may speak or close at once`() async throws {
    let sockets = WebSockets()
    var ends: [Recorder] = []
    let server = try HTTPServer(on: .anyLoopbackPort) { request in
      sockets.accept(request) { connection in
        connection.send(WebSocketFrame(text: "hello"))
        request.head.rawTarget == "/drop" ? connection.drop() : connection.close(WebSocketClose(.policyViolation))
        let recorder = Recorder(connection)
        ends.append(recorder)
        return recorder
      }
    }
    defer { server.stop() }
    let client = try await RawClient(server)
    client.socket.send(Array(Sockets.greeting.utf8) + stream(.text("x"), .close(1000)))
    try await eventually { client.isEnded || client.isClosed }
    #expect(client.text.contains("hello"))
    #expect(ends[0].ends == [WebSocketClose(.policyViolation)] && ends[0].messages.isEmpty)
    let dropped = try await RawClient(server)
    dropped.send(Sockets.greeting.replacing("GET /", with: "GET /drop"))
    try await eventually { dropped.isEnded || dropped.isClosed }
    #expect(ends[1].ends == [WebSocketClose(.abnormal)])
    #expect(sockets.count == 0)
  }
}
