import EventLoop
import Wire

/// The way out for a response body that is made while it is sent.
@Loop public final class HTTPBodyWriter {
  /// Above this many unsent bytes a writer waits.
  private static let window = 256 * 1024

  private let connection: HTTPConnection
  private let isChunked: Bool
  /// What is left of a known length.
  private var remaining: Int?
  /// In answer to HEAD nothing is sent.
  private let isMute: Bool

  init(on connection: HTTPConnection, length: HTTPResponseHead.Length, isMute: Bool) {
    self.connection = connection
    self.isMute = isMute
    isChunked = length == .chunked
    if case .fixed(let count) = length { remaining = count }
  }

  /// Sends `bytes`, then waits until the client has room for more.
  ///
  /// Throws `HTTPBroken.disconnected` when the client is gone.
  ///
  /// - Precondition: not more than the length that was announced.
  public func write(_ bytes: [UInt8]) async throws {
    if let remaining {
      precondition(bytes.count <= remaining, "a response of known length got \(bytes.count - remaining) bytes too many")
      self.remaining = remaining - bytes.count
    }
    guard !bytes.isEmpty, !isMute else { return }
    if isChunked {
      var size: [UInt8] = []
      HTTPChunk.encodeSize(bytes.count, to: &size)
      connection.send(size)
      connection.send(bytes)
      connection.send(HTTPChunk.end)
    } else {
      connection.send(bytes)
    }
    try await connection.room(below: Self.window)
  }

  /// Marks the end; false when bytes of a known length are missing.
  func end() -> Bool {
    if isChunked, !isMute { connection.send(HTTPChunk.last) }
    return isMute || remaining ?? 0 == 0
  }
}
