import BenchKit
import EventLoop
import Foundation
import HTTP

/// A member's socket: Pusher's protocol over WebSocket, as much of it as the load needs.
@Loop final class ChatSocket {
  private var socket: WebSocketClient?
  private var expected: (event: String, promise: Promise<String>)?
  /// Called with each message that is pushed.
  var heard: (@Loop (String) -> Void)?
  /// How often the gateway said that the history no longer reaches back to what was missed.
  private(set) var gaps = 0
  private(set) var isClosed = false

  /// Connects, and subscribes to a channel with the leave that `authorize` gets for a socket's id.
  static func connect(
    to address: SocketAddress, channel: String, authorize: @Loop (String) throws -> [String: Any]
  ) async throws -> ChatSocket {
    let chat = ChatSocket()
    let established = chat.expect("pusher:connection_established")
    let socket = try await WebSocketClient.connect(to: address, "/app/skillmesh?protocol=7") { [weak chat] text in
      chat?.hear(String(decoding: text, as: UTF8.self))
    } end: { [weak chat] _ in
      chat?.isClosed = true
      chat?.expected?.promise.fail(BenchFailure("the gateway closed a socket"))
    }
    chat.socket = socket
    let data = try Self.object(try Self.object(try await established.value)["data"] as? String ?? "")
    guard let id = data["socket_id"] as? String else { throw BenchFailure("the gateway gave a socket no id") }
    var subscription = try authorize(id)
    subscription["channel"] = channel
    let subscribed = chat.expect("pusher_internal:subscription_succeeded")
    let request = try JSONSerialization.data(withJSONObject: ["event": "pusher:subscribe", "data": subscription])
    socket.send(Array(request))
    _ = try await subscribed.value
    return chat
  }

  func close() { socket?.drop() }

  private static func object(_ text: String) throws -> [String: Any] {
    try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any] ?? [:]
  }

  private func expect(_ event: String) -> Promise<String> {
    let promise = Promise<String>()
    expected = (event, promise)
    return promise
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
}
