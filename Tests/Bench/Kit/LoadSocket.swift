public import EventLoop

/// A client's WebSocket (RFC 6455), as much of it as the load needs: texts both ways, and pings answered. It checks nothing
/// and keeps nothing, so that thousands cost the generator little; whoever needs a whole client takes `WebSocketClient`.
@Loop public final class LoadSocket: SocketDelegate {
  private let socket: Socket
  private var input: [UInt8] = []
  private var isUpgraded = false
  private var expected: (text: String, promise: Promise<String>)?
  /// Whether the connection is gone.
  public private(set) var isClosed = false
  /// Called with each text that nobody has waited for.
  public var heard: (@Loop (UnsafeRawBufferPointer) -> Void)?

  private init(_ socket: Socket) {
    self.socket = socket
    socket.delegate = self
  }

  /// Opens a WebSocket at `path`; returns it and the first text, which begins with `greeting`.
  public static func open(
    _ address: SocketAddress, _ path: String, greeting: String
  ) async throws -> (LoadSocket, String) {
    let client = LoadSocket(try await Socket.connect(to: address))
    let first = client.expect(greeting)
    let head =
      "GET \(path) HTTP/1.1\r\nHost: \(address)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    client.socket.send(Array(head.utf8))
    return (client, try await first.value)
  }

  /// A client of the Pusher protocol that nobody has signed in, and its socket's id.
  public static func pusher(_ address: SocketAddress) async throws -> (LoadSocket, id: String) {
    let (client, greeting) = try await open(
      address, "/app/skillmesh?protocol=7", greeting: #"{"event":"pusher:connection_established""#)
    let words = greeting.split(separator: "\"")
    guard let name = words.firstIndex(of: #"socket_id\"#), words.count > name + 2 else {
      throw BenchFailure("a greeting without a socket's id: \(greeting)")
    }
    return (client, String(words[name + 2].dropLast()))
  }

  /// A client of Socket.IO who holds `token`.
  public static func socketIO(_ address: SocketAddress, token: String) async throws -> LoadSocket {
    let (client, _) = try await open(address, "/socket.io/?EIO=4&transport=websocket", greeting: "0{")
    _ = try await client.ask(#"40{"token":"\#(token)"}"#, for: "40{")
    return client
  }

  /// Subscribes, in Socket.IO.
  public func subscribe(_ channel: String) async throws {
    let answer = try await ask(#"420["subscribe",{"channel":"\#(channel)"}]"#, for: "430[")
    guard answer.contains(#""ok":true"#) else { throw BenchFailure("\(channel): \(answer)") }
  }

  /// Sends `text`, and returns the next one that begins with `answer`.
  public func ask(_ text: String, for answer: String) async throws -> String {
    let promise = expect(answer)
    send(Self.frame(text))
    return try await promise.value
  }

  /// Sends a frame.
  public func send(_ frame: [UInt8]) { socket.send(frame) }

  /// Closes the connection without a word.
  public func close() { socket.close() }

  private func expect(_ text: String) -> Promise<String> {
    let promise = Promise<String>()
    expected = (text, promise)
    return promise
  }

  /// A text frame, masked with zeros.
  public static func frame(_ text: String) -> [UInt8] {
    let payload = Array(text.utf8)
    precondition(payload.count < 65_536)
    let length: [UInt8] =
      payload.count < 126
      ? [0x80 | UInt8(payload.count)] : [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    return [0x81] + length + [0, 0, 0, 0] + payload
  }

  /// Called by the socket.
  public func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    if input.isEmpty, isUpgraded {
      let taken = take(UnsafeRawBufferPointer(bytes))
      if taken < bytes.count { input.append(contentsOf: bytes[taken...]) }
      return
    }
    input.append(contentsOf: bytes)
    if !isUpgraded {
      guard let end = input.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
      isUpgraded = true
      input.removeFirst(end.upperBound)
    }
    let taken = input.withUnsafeBytes { take($0) }
    input.removeFirst(taken)
    // Idle sockets of this side should cost little too: there are many of them.
    if input.isEmpty { input = [] }
  }

  /// Takes all frames that are there as a whole, and returns how many bytes they are.
  private func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    var start = 0
    while bytes.count - start >= 2 {
      var length = Int(bytes[start + 1] & 127)
      var begin = start + 2
      if length >= 126 {
        let count = length == 126 ? 2 : 8
        guard bytes.count >= begin + count else { break }
        length = bytes[begin..<(begin + count)].reduce(0) { $0 << 8 | Int($1) }
        begin += count
      }
      guard bytes.count >= begin + length else { break }
      hear(bytes[start] & 15, UnsafeRawBufferPointer(rebasing: bytes[begin..<(begin + length)]))
      start = begin + length
    }
    return start
  }

  private func hear(_ opcode: UInt8, _ payload: UnsafeRawBufferPointer) {
    switch opcode {
    case 1:
      // Engine.IO's ping is a text.
      if payload.count == 1, payload[0] == UInt8(ascii: "2") { return send(Self.frame("3")) }
      if let (text, promise) = expected, payload.starts(with: text.utf8) {
        expected = nil
        promise.fulfil(String(decoding: payload, as: UTF8.self))
      } else {
        heard?(payload)
      }
    case 9: send([0x8A, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload)
    default: break
    }
  }

  /// Called by the socket.
  public func closed(_ socket: Socket, reason: SocketError?) {
    isClosed = true
    expected?.promise.fail(BenchFailure("the gateway closed a socket: \(String(decoding: input, as: UTF8.self))"))
  }
}
