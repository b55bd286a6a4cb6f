import EventLoop
import TestKit
import Testing
import Wire

@testable import Gateway

/// A WebSocket client that keeps what it is sent.
@Loop final class SocketClient: SocketDelegate {
  private let socket: Socket
  private var bytes: [UInt8] = []
  private var machine = WebSocketMachine(messageLimit: 1 << 20, peer: .server)
  private var isUpgraded = false
  /// The messages that came, as JSON.
  private(set) var messages: [JSONValue] = []
  /// The code in the Close frame; nil while there was none.
  private(set) var closeCode: UInt16?
  private(set) var isEnded = false
  var answersPings = true

  private init(_ socket: Socket) { self.socket = socket }

  /// Connects, and asks for a WebSocket at `path`.
  static func open(_ address: SocketAddress, _ path: String) async throws -> SocketClient {
    let client = SocketClient(try await Socket.connect(to: address))
    client.socket.delegate = client
    let head = [
      "GET \(path) HTTP/1.1", "Host: x", "Connection: Upgrade", "Upgrade: websocket",
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "", "",
    ]
    client.socket.send(Array(head.joined(separator: "\r\n").utf8))
    try await eventually { client.isUpgraded || client.isEnded }
    try #require(client.isUpgraded, "not upgraded: \(String(decoding: client.bytes, as: UTF8.self))")
    return client
  }

  func send(_ frame: ClientFrame) { socket.send(frame.bytes) }
  func send(_ text: String) { send(.text(text)) }
  func stopReading() { socket.pauseReading() }
  func resumeReading() { socket.resumeReading() }
  func drop() { socket.close() }

  /// The first message that was not taken yet and for which `isWanted` holds; it and those before it are taken.
  func next(_ what: String = "a message", where isWanted: (JSONValue) -> Bool = { _ in true }) async throws -> JSONValue
  {
    try await eventually { self.messages.contains(where: isWanted) || self.isEnded }
    let found = messages.firstIndex(where: isWanted)
    let index = try #require(found, "no \(what) came; \(closeCode ?? 0)")
    let message = messages[index]
    messages.removeFirst(index + 1)
    return message
  }

  func ended(_ socket: Socket) { socket.close() }
  func closed(_ socket: Socket, reason: SocketError?) { isEnded = true }

  func received(_ more: UnsafeMutableRawBufferPointer, on socket: Socket) {
    bytes.append(contentsOf: more)
    if !isUpgraded {
      guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
      guard bytes.starts(with: Array("HTTP/1.1 101".utf8)) else { return }
      bytes.removeFirst(end.upperBound)
      isUpgraded = true
    }
    defer { bytes = [] }
    bytes.withUnsafeBytes { bytes in
      var input = bytes
      do throws(WebSocketViolation) {
        while let event = try machine.next(&input) { take(event) }
      } catch {
        Issue.record("the gateway broke WebSocket: \(error)")
      }
    }
  }

  private func take(_ event: WebSocketMachine.Event) {
    switch event {
    case .text(let text): if let message = try? JSONValue.parse(text) { messages.append(message) }
    case .ping(let payload): if answersPings { send(ClientFrame(first: 0x8A, payload: payload)) }
    case .close(let close): closeCode = close.code.rawValue
    case .binary, .pong: break
    }
  }
}

/// A client of the Pusher Channels protocol.
@Loop struct PusherClient {
  let client: SocketClient
  /// As the server named it.
  let socket: String

  static let path = "/app/skillmesh?protocol=7&client=test&version=1"

  init(_ address: SocketAddress, _ path: String = path) async throws {
    client = try await SocketClient.open(address, path)
    let greeting = try await client.next("greeting")
    try #require(greeting["event"]?.string == "pusher:connection_established")
    socket = try #require(try Self.data(greeting)["socket_id"]?.string)
  }

  /// The payload of a message, which is JSON in a string.
  static func data(_ message: JSONValue) throws -> JSONValue {
    try JSONValue.parse(Array(try #require(message["data"]?.string).utf8))
  }

  func send(_ event: String, _ data: String, channel: String? = nil) {
    let place = channel.map { #","channel":"\#($0)""# } ?? ""
    client.send(#"{"event":"\#(event)","data":\#(data)\#(place)}"#)
  }

  func subscribe(_ channel: String, auth: String? = nil, data: String? = nil, after position: String? = nil) {
    let members = [("channel", channel), ("auth", auth), ("channel_data", data), ("position", position)]
    let tree = JSONTree.object(members.compactMap { name, value in value.map { (name, .string($0)) } })
    send("pusher:subscribe", String(decoding: tree.bytes, as: UTF8.self))
  }

  /// The next message of this event.
  func next(_ event: String) async throws -> JSONValue {
    try await client.next(event) { $0["event"]?.string == event }
  }
}
