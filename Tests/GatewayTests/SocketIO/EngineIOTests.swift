import EventLoop
import HTTP
import TestKit
import Testing
import Wire

@testable import Gateway

/// Echoes messages in a session of Engine.IO, and keeps what it is told.
@Loop private final class Echo: EngineIODelegate {
  var hasJoined = true
  let session: EngineIOSession
  private(set) var messages: [String] = []
  private(set) var ends: [Bool] = []
  private(set) var silences: [Duration] = []

  init(_ session: EngineIOSession) { self.session = session }

  func received(_ message: ArraySlice<UInt8>) {
    messages.append(String(decoding: message, as: UTF8.self))
    say(messages[messages.count - 1])
  }

  func say(_ text: String) { session.send(Array("4\(text)".utf8)) }

  func closed(isOrderly: Bool, silentFor silence: Duration) {
    ends.append(isOrderly)
    silences.append(silence)
  }
}

/// A server of Engine.IO sessions that echo.
@Loop private final class TestEngine {
  private(set) var echoes: [Echo] = []
  private(set) var engine: EngineIOServer!
  private(set) var server: HTTPServer!

  init(_ options: EngineIOServer.Options = .init(), origins: [String] = []) throws {
    engine = EngineIOServer(options, crossOrigin: CrossOrigin(origins.compactMap { WebOrigin(option: $0) })) {
      [unowned self] session, _ in
      let echo = Echo(session)
      echoes.append(echo)
      return echo
    }
    server = try HTTPServer(on: .anyLoopbackPort) { [unowned self] in engine.handle($0) }
  }

  func client() async throws -> RawClient { try await RawClient(server.address) }

  static func run(
    _ options: EngineIOServer.Options = .init(), origins: [String] = [],
    _ body: @Loop (TestEngine, RawClient) async throws -> Void
  ) async throws {
    var options = options
    // Clients here do not answer when they are told that the connection ends, and the end waits for them.
    options.closeTime = .milliseconds(100)
    let engine = try TestEngine(options, origins: origins)
    try await body(engine, try await engine.client())
    await engine.engine.drain(over: .zero)
    engine.server.stop()
  }
}

private let polling = "/socket.io/?EIO=4&transport=polling"

extension RawClient {
  /// Begins a session over polling.
  fileprivate func handshake() async throws -> String {
    let answer = try await ask("GET", polling)
    #expect(answer.status == 200)
    return try #require(try JSONValue.parse(Array(answer.body.utf8.dropFirst()))["sid"]?.string)
  }

  fileprivate func poll(_ session: String) async throws -> String {
    try await ask("GET", "\(polling)&sid=\(session)").body
  }

  fileprivate func post(_ session: String, _ body: String) async throws -> String {
    try await ask("POST", "\(polling)&sid=\(session)", ["Content-Type": "text/plain"], body: body).body
  }

  /// Opens a WebSocket; of a session, or to begin one.
  fileprivate func upgrade(_ session: String? = nil) async throws -> Int {
    let headers = [
      "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
      "Sec-WebSocket-Version": "13",
    ]
    let target = "/socket.io/?EIO=4&transport=websocket" + (session.map { "&sid=\($0)" } ?? "")
    return try await ask("GET", target, headers).status
  }

  fileprivate func say(_ text: String) { send(ClientFrame.text(text).bytes) }
}

@Suite(.timeLimit(.minutes(1))) struct EngineIOTests {
  @Test @Loop func `a session begins with its handshake and speaks over polling`() async throws {
    try await TestEngine.run { engine, client in
      let answer = try await client.ask("GET", polling)
      #expect(answer.headers["content-type"] == "text/plain; charset=UTF-8")
      #expect(answer.headers["cache-control"] == "no-store")
      let json = try JSONValue.parse(Array(answer.body.utf8.dropFirst()))
      #expect(answer.body.first == "0")
      #expect(json["pingInterval"]?.integer() == 25_000 && json["pingTimeout"]?.integer() == 15_000)
      #expect(json["maxPayload"]?.integer() == 100_000)
      #expect(json["upgrades"]?.elements.map(\.string) == ["websocket"])
      let session = try #require(json["sid"]?.string)
      #expect(session.utf8.count == 20)
      #expect(try await client.post(session, "4a\u{1e}4b") == "ok")
      #expect(try await client.poll(session) == "4a\u{1e}4b")
      #expect(engine.echoes[0].messages == ["a", "b"])
    }
  }

  @Test @Loop func `a poll waits for the first message, and takes all of a turn`() async throws {
    try await TestEngine.run { engine, client in
      let session = try await client.handshake()
      async let body = client.poll(session)
      try await Loop.sleep(for: .milliseconds(30))
      engine.echoes[0].say("one")
      engine.echoes[0].say("two")
      #expect(try await body == "4one\u{1e}4two")
      for number in 1...20 { engine.echoes[0].say("\(number)") }
      #expect(try await client.poll(session) == (1...16).map { "4\($0)" }.joined(separator: "\u{1e}"))
      #expect(try await client.poll(session) == (17...20).map { "4\($0)" }.joined(separator: "\u{1e}"))
    }
  }

  @Test @Loop func `what waits outlives a poll whose client has gone away`() async throws {
    try await TestEngine.run { engine, client in
      let session = try await client.handshake()
      client.send("GET \(polling)&sid=\(session) HTTP/1.1\r\nHost: x\r\n\r\n")
      try await Loop.sleep(for: .milliseconds(20))
      client.close()
      try await Loop.sleep(for: .milliseconds(20))
      engine.echoes[0].say("kept")
      try await eventually { engine.server.connectionCount == 0 }
      #expect(try await engine.client().poll(session) == "4kept")
      #expect(engine.echoes[0].ends.isEmpty)
    }
  }

  @Test @Loop func `two polls at once, or two posts, end the session`() async throws {
    try await TestEngine.run { engine, client in
      let session = try await client.handshake()
      async let first = client.ask("GET", "\(polling)&sid=\(session)")
      try await Loop.sleep(for: .milliseconds(20))
      #expect(try await engine.client().ask("GET", "\(polling)&sid=\(session)").status == 400)
      #expect(try await first.status == 400)
      #expect(engine.engine.sessionCount == 0)
      let other = try await client.handshake()
      client.send("POST \(polling)&sid=\(other) HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n4")
      try await Loop.sleep(for: .milliseconds(20))
      #expect(try await engine.client().ask("POST", "\(polling)&sid=\(other)", body: "4b").status == 400)
      #expect(engine.echoes[1].ends == [false])
    }
  }

  @Test @Loop func `requests that make no sense get the protocol's own errors`() async throws {
    try await TestEngine.run { engine, client in
      let session = try await client.handshake()
      func refusal(_ method: String, _ query: String, body: String? = nil) async throws -> String {
        let answer = try await client.ask(method, "/socket.io/?\(query)", body: body)
        #expect(answer.status == 400)
        return answer.body
      }
      let version = #"{"code":5,"message":"Unsupported protocol version"}"#
      #expect(try await refusal("GET", "transport=polling") == version)
      #expect(try await refusal("GET", "EIO=3&transport=polling") == version)
      let transport = #"{"code":0,"message":"Transport unknown"}"#
      #expect(try await refusal("GET", "EIO=4") == transport)
      #expect(try await refusal("GET", "EIO=4&transport=webtransport") == transport)
      #expect(
        try await refusal("POST", "EIO=4&transport=polling", body: "4a")
          == #"{"code":2,"message":"Bad handshake method"}"#)
      #expect(
        try await refusal("GET", "EIO=4&transport=polling&sid=nobody") == #"{"code":1,"message":"Session ID unknown"}"#)
      let bad = #"{"code":3,"message":"Bad request"}"#
      #expect(try await refusal("PUT", "EIO=4&transport=polling&sid=\(session)", body: "4a") == bad)
      #expect(try await refusal("GET", "EIO=4&transport=polling&j=0") == bad)
      #expect(engine.engine.sessionCount == 1)
      #expect(try await refusal("POST", "EIO=4&transport=polling&sid=\(session)", body: "abc") == bad)
      #expect(engine.engine.sessionCount == 0)
      #expect(try await client.ask("GET", "/socket.io/?EIO=4&transport=websocket").status == 426)
    }
  }

  @Test @Loop func `a body over the limit is refused with 413`() async throws {
    var options = EngineIOServer.Options()
    options.maximumPayload = 100
    try await TestEngine.run(options) { _, client in
      let session = try await client.handshake()
      #expect(
        try await client.ask("POST", "\(polling)&sid=\(session)", body: String(repeating: "4", count: 101)).status
          == 413)
    }
  }

  @Test @Loop func `a session begins over WebSocket and offers no upgrade`() async throws {
    try await TestEngine.run { engine, client in
      #expect(try await client.upgrade() == 101)
      let open = try await client.message()
      #expect(open.contains(#""upgrades":[],"#))
      client.say("4hello")
      #expect(try await client.message() == "4hello")
      client.say("1")
      try await eventually { engine.echoes[0].ends == [true] }
      try await eventually { engine.engine.sockets.count == 0 }
    }
  }

  @Test @Loop func `a client moves from polling to WebSocket, and nothing is lost or out of order`() async throws {
    try await TestEngine.run { engine, client in
      let session = try await client.handshake()
      let echo = engine.echoes[0]
      let socket = try await engine.client()
      async let waiting = client.poll(session)
      try await Loop.sleep(for: .milliseconds(20))
      #expect(try await socket.upgrade(session) == 101)
      socket.say("2probe")
      #expect(try await socket.message() == "3probe")
      #expect(try await waiting == "6")
      echo.say("1")
      #expect(try await client.poll(session) == "41")
      #expect(try await client.poll(session) == "6")
      #expect(try await client.post(session, "42") == "ok")
      echo.say("3")
      socket.say("5")
      try await eventually { echo.messages == ["2"] }
      #expect(try await socket.message() == "42")
      #expect(try await socket.message() == "43")
      socket.say("44")
      #expect(try await socket.message() == "44")
      #expect(try await client.ask("GET", "\(polling)&sid=\(session)").status == 400)
      #expect(try await engine.client().upgrade(session) == 400)
      #expect(echo.ends.isEmpty)
    }
  }

  @Test @Loop func `a WebSocket that fails while it is tried leaves the session where it was`() async throws {
    var options = EngineIOServer.Options()
    options.upgradeTime = .milliseconds(100)
    try await TestEngine.run(options) { engine, client in
      let session = try await client.handshake()
      let first = try await engine.client()
      #expect(try await first.upgrade(session) == 101)
      #expect(try await engine.client().upgrade(session) == 400)
      first.close()
      try await eventually { engine.engine.sockets.count == 0 }
      // One that never goes on is closed in time.
      let second = try await engine.client()
      #expect(try await second.upgrade(session) == 101)
      second.say("2probe")
      #expect(try await second.message() == "3probe")
      #expect(try await second.closeCode() == 1008)
      #expect(try await client.post(session, "4still") == "ok")
      #expect(try await client.poll(session) == "6\u{1e}4still")
    }
  }

  @Test @Loop func `clients are pinged over both transports, and silent ones are ended`() async throws {
    var options = EngineIOServer.Options()
    options.pingInterval = .milliseconds(100)
    options.pingTimeout = .milliseconds(200)
    try await TestEngine.run(options) { engine, client in
      let session = try await client.handshake()
      let socket = try await engine.client()
      #expect(try await socket.upgrade() == 101)
      _ = try await socket.message()
      for _ in 0..<3 {
        #expect(try await client.poll(session) == "2")
        #expect(try await client.post(session, "3") == "ok")
        #expect(try await socket.message() == "2")
        socket.say("3")
      }
      #expect(engine.echoes.allSatisfy { $0.ends.isEmpty })
      try await eventually { engine.engine.sessionCount == 0 }
      #expect(engine.echoes.allSatisfy { $0.ends == [false] && $0.silences == [.milliseconds(300)] })
    }
  }

  @Test @Loop func `who never joins is ended when the first ping is due`() async throws {
    var options = EngineIOServer.Options()
    options.pingInterval = .milliseconds(100)
    try await TestEngine.run(options) { engine, client in
      let session = try await client.handshake()
      engine.echoes[0].hasJoined = false
      #expect(try await client.poll(session) == "1")
      #expect(engine.engine.sessionCount == 0)
    }
  }

  @Test @Loop func `what waits for a client has a limit`() async throws {
    var options = EngineIOServer.Options()
    options.output = 1000
    try await TestEngine.run(options) { engine, client in
      _ = try await client.handshake()
      for _ in 0..<20 { engine.echoes[0].say(String(repeating: "x", count: 90)) }
      #expect(engine.echoes[0].ends == [false])
      #expect(engine.engine.slowClients == 1 && engine.engine.sessionCount == 0)
    }
  }

  @Test @Loop func `binary and nonsense over WebSocket close it`() async throws {
    try await TestEngine.run { engine, client in
      for (frame, code) in [
        (ClientFrame.binary([1]), 1003), (.text("9"), 1008), (.text("2"), 1008), (.text("bAQ=="), 1008),
        (.text(""), 1008),
      ] {
        let client = try await engine.client()
        #expect(try await client.upgrade() == 101)
        _ = try await client.message()
        client.send(frame.bytes)
        #expect(try await client.closeCode() == code)
      }
      _ = client
    }
  }

  @Test @Loop func `pages of allowed sites may read the answers, others may not`() async throws {
    try await TestEngine.run(origins: ["https://app.example"]) { _, client in
      let allowed = try await client.ask("GET", polling, ["Origin": "https://app.example"])
      #expect(allowed.headers["access-control-allow-origin"] == "https://app.example")
      #expect(allowed.headers["vary"] == "Origin")
      let other = try await client.ask("GET", polling, ["Origin": "https://evil.example"])
      #expect(other.headers["access-control-allow-origin"] == nil)
      let preflight = try await client.ask(
        "OPTIONS", polling, ["Origin": "https://app.example", "Access-Control-Request-Method": "POST"])
      #expect(preflight.status == 204)
      #expect(preflight.headers["access-control-allow-methods"] == "GET, POST")
    }
  }

  @Test @Loop func `a drain takes no more sessions, tells those there are, and leaves none`() async throws {
    let engine = try TestEngine()
    let (poller, idle) = (try await engine.client(), try await engine.client())
    let session = try await poller.handshake()
    _ = try await idle.handshake()
    let socket = try await engine.client()
    #expect(try await socket.upgrade() == 101)
    _ = try await socket.message()
    async let farewell = poller.poll(session)
    try await Loop.sleep(for: .milliseconds(20))
    async let drained: Void = engine.engine.drain(over: .milliseconds(100))
    #expect(try await farewell == "1")
    #expect(try await socket.closeCode() == 1000)
    #expect(try await engine.client().ask("GET", polling).status == 503)
    socket.send(ClientFrame.close(1000).bytes)
    await drained
    #expect(engine.engine.sessionCount == 0 && engine.engine.sockets.count == 0)
    #expect(engine.echoes.allSatisfy { $0.ends == [false] })
    engine.server.stop()
  }
}
