/// The client's side of the opening handshake (RFC 6455 §4.1): what it asks, and whether it was answered. No extension and no
/// subprotocol is offered.
public struct WebSocketOpening: Sendable {
  /// A longer head of an answer is none.
  private static let headLimit = 16_384
  private static let blankLine = Array("\r\n\r\n".utf8)

  /// What to send.
  public let request: [UInt8]
  private let key: String

  /// Asks `host` for a WebSocket at `path`.
  ///
  /// - Parameters:
  ///   - headers: what goes with the request, without line breaks.
  ///   - nonce: 16 bytes, new for each connection.
  public init(host: String, path: String, headers: [(name: String, value: String)] = [], nonce: [UInt8]) {
    key = WebSocketHandshake.base64(nonce)
    let lines =
      [
        "GET \(path) HTTP/1.1", "Host: \(host)", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: \(key)",
      ] + headers.map { "\($0.name): \($0.value)" } + ["", ""]
    request = Array(lines.joined(separator: "\r\n").utf8)
  }

  /// Reads the head of the answer, with which `bytes` begins. Returns how many bytes it has, behind which frames follow; nil
  /// when more must come.
  ///
  /// Throws why there is no WebSocket.
  public func accept(_ bytes: [UInt8]) throws(WebSocketOpeningError) -> Int? {
    guard let end = bytes.firstRange(of: Self.blankLine) else {
      guard bytes.count <= Self.headLimit else { throw WebSocketOpeningError("the answer's head is too long") }
      return nil
    }
    let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
    guard let status = lines.first, status.hasPrefix("HTTP/1.1 101") else {
      throw WebSocketOpeningError("the answer is \(lines.first ?? "empty")")
    }
    let proof = lines.dropFirst().first { $0.lowercased().hasPrefix("sec-websocket-accept:") }
      .map { line in line.drop { $0 != ":" }.dropFirst().filter { $0 != " " } }
    guard proof == WebSocketHandshake.proof(for: key) else {
      throw WebSocketOpeningError("the server has not proven that it speaks WebSocket")
    }
    return end.upperBound
  }
}

/// Why a server opens no WebSocket.
public struct WebSocketOpeningError: Error, Sendable, CustomStringConvertible {
  /// One line, for people.
  public let description: String

  /// Says why.
  public init(_ reason: String) { description = reason }
}
