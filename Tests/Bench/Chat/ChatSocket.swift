import BenchKit
import EventLoop
import Foundation

/// A member's socket that listens to a channel, by Pusher's protocol.
@Loop final class ChatSocket {
  private static let pushed = Array(#""message.sent""#.utf8)
  private static let missed = Array(#""skillmesh:missed""#.utf8)
  /// Where an event's name stands in a message.
  private static let place = #"{"event":"#.utf8.count

  private let socket: LoadSocket
  /// Called with each message that is pushed.
  var heard: (@Loop (String) -> Void)?
  /// How often the gateway said that the history no longer reaches back to what was missed.
  private(set) var gaps = 0
  var isClosed: Bool { socket.isClosed }

  private init(_ socket: LoadSocket) {
    self.socket = socket
    socket.heard = { [weak self] in self?.hear($0) }
  }

  /// Connects, and subscribes to a channel with the leave that `authorize` gets for a socket's id.
  static func connect(
    to address: SocketAddress, channel: String, authorize: @Loop (String) throws -> [String: Any]
  ) async throws -> ChatSocket {
    let (socket, id) = try await LoadSocket.pusher(address)
    let chat = ChatSocket(socket)
    var subscription = try authorize(id)
    subscription["channel"] = channel
    let request = try JSONSerialization.data(withJSONObject: ["event": "pusher:subscribe", "data": subscription])
    _ = try await socket.ask(
      String(decoding: request, as: UTF8.self), for: #"{"event":"pusher_internal:subscription_succeeded""#)
    return chat
  }

  func close() { socket.close() }

  private func hear(_ message: UnsafeRawBufferPointer) {
    let name = message.dropFirst(Self.place)
    if name.starts(with: Self.pushed) {
      heard?(String(decoding: message, as: UTF8.self))
    } else if name.starts(with: Self.missed) {
      gaps += 1
    }
  }
}
