import BenchKit
import EventLoop
import Foundation

/// A member's socket: Pusher's protocol over WebSocket (RFC 6455), as much of it as the load needs.
@Loop final class ChatSocket: SocketDelegate {
  private let socket: Socket
  private var input: [UInt8] = []
  private var isUpgraded = false
  private var expected: (event: String, promise: Promise<String>)?
  /// Called with each message that is pushed.
  var heard: (@Loop (String) -> Void)?
  /// How often the gateway said that the history no longer reaches back to what was missed.
  private(set) var gaps = 0
  private(set) var isClosed = false

  private init(_ socket: Socket) {
    self.socket = socket
    socket.delegate = self
  }

  /// Connects, and subscribes to a channel with the leave that `authorize` gets for a socket's id.
  static func connect(
    to address: SocketAddress, channel: String, authorize: @Loop (String) throws -> [String: Any]
  ) async throws -> ChatSocket {
    let chat = ChatSocket(try await Socket.connect(to: address))
    let established = chat.expect("pusher:connection_established")
    let head =
      "GET /app/skillmesh?protocol=7 HTTP/1.1\r\nHost: \(address)\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    chat.socket.send(Array(head.utf8))
    let data = try Self.object(try Self.object(try await established.value)["data"] as? String ?? "")
    guard let id = data["socket_id"] as? String else { throw BenchFailure("the gateway gave a socket no id") }
    var subscription = try authorize(id)
    subscription["channel"] = channel
    let subscribed = chat.expect("pusher_internal:subscription_succeeded")
    let request = try JSONSerialization.data(withJSONObject: ["event": "pusher:subscribe", "data": subscription])
    chat.send(Array(request))
    _ = try await subscribed.value
    return chat
  }

  func close() { socket.close() }

  private static func object(_ text: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
  }

  private func expect(_ event: String) -> Promise<String> {
    let promise = Promise<String>()
    expected = (event, promise)
    return promise
  }

  /// Sends a frame, masked with zeros.
  private func send(_ payload: [UInt8], opcode: UInt8 = 1) {
    precondition(payload.count < 65_536)
    let length: [UInt8] =
      payload.count < 126
      ? [0x80 | UInt8(payload.count)] : [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
    socket.send([0x80 | opcode] + length + [0, 0, 0, 0] + payload)
  }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    input.append(contentsOf: bytes)
    if !isUpgraded {
      guard let end = input.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
      isUpgraded = true
      input.removeFirst(end.upperBound)
    }
    var start = 0
    while let frame = frame(at: start) {
      start = frame.payload.upperBound
      switch frame.opcode {
      case 1: hear(String(decoding: input[frame.payload], as: UTF8.self))
      // The gateway pings who is silent, and gives up who does not answer.
      case 9: send(Array(input[frame.payload]), opcode: 10)
      default: break
      }
    }
    input.removeFirst(start)
  }

  private func frame(at start: Int) -> (opcode: UInt8, payload: Range<Int>)? {
    guard input.count >= start + 2 else { return nil }
    var length = Int(input[start + 1] & 127)
    var begin = start + 2
    if length >= 126 {
      let count = length == 126 ? 2 : 8
      guard input.count >= begin + count else { return nil }
      length = input[begin..<(begin + count)].reduce(0) { $0 << 8 | Int($1) }
      begin += count
    }
    guard input.count >= begin + length else { return nil }
    return (input[start] & 15, begin..<(begin + length))
  }

  private func hear(_ text: String) {
    if let (event, promise) = expected, text.contains("\"\(event)\"") {
      expected = nil
      promise.fulfil(text)
    } else if text.contains("\"message.sent\"") {
      heard?(text)
    } else if text.contains("\"skillmesh:missed\"") {
      gaps += 1
    }
  }

  func closed(_ socket: Socket, reason: SocketError?) {
    isClosed = true
    expected?.promise.fail(BenchFailure("the gateway closed a socket"))
  }
}
