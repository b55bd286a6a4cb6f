import EventLoop
import TestKit
import Testing
import Wire

@testable import Gateway

/// A WebSocket client that keeps what it is sent.
@Loop final class SocketClient: SocketDelegate {
  private let socket: Socket
  private var bytes: [UInt8] = []
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
    var position = 0
    while let (opcode, payload, next) = frame(at: position) {
      position = next
      switch opcode {
      case 0x81: if let message = try? JSONValue.parse(payload) { messages.append(message) }
      case 0x88: closeCode = payload.count >= 2 ? UInt16(payload[0]) << 8 | UInt16(payload[1]) : 1005
      case 0x89 where answersPings: send(ClientFrame(first: 0x8A, payload: payload))
      default: break
      }
    }
    bytes.removeFirst(position)
  }

  private func frame(at start: Int) -> (opcode: UInt8, payload: [UInt8], next: Int)? {
    guard bytes.count - start >= 2 else { return nil }
    var length = Int(bytes[start + 1])
    var position = start + 2
    let extra = length == 126 ? 2 : length == 127 ? 8 : 0
    guard bytes.count - position >= extra else { return nil }
    if extra > 0 { length = bytes[position..<position + extra].reduce(0) { $0 << 8 | Int($1) } }
    position += extra
    guard bytes.count - position >= length else { return nil }
    return (bytes[start], Array(bytes[position..<position + length]), position + length)
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
