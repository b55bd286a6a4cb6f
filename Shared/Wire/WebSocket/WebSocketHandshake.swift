/// Why a request does not open a WebSocket. The raw value is the stable `code` of the problem document the client gets.
public enum WebSocketRefusal: String, Error, Hashable, CaseIterable, Sendable {
  case upgradeRequired = "upgrade_required"
  case unsupportedVersion = "unsupported_websocket_version"
  case malformedKey = "malformed_websocket_key"

  /// The status to answer with.
  public var status: Int { self == .malformedKey ? 400 : 426 }

  /// What is wrong and what would be right, for whoever wrote the client.
  public var detail: String {
    switch self {
    case .upgradeRequired: "A WebSocket opens with GET over HTTP/1.1, Connection: Upgrade and Upgrade: websocket."
    case .unsupportedVersion: "Sec-WebSocket-Version must be 13."
    case .malformedKey: "Sec-WebSocket-Key must occur once and be 16 bytes in base64."
    }
  }

  /// Adds the headers that tell the client what it may try instead (RFC 9110 §7.8, RFC 6455 §4.4).
  public func addHeaders(to head: inout HTTPResponseHead) {
    guard status == 426 else { return }
    head.add("Upgrade", "websocket")
    head.add("Sec-WebSocket-Version", "13")
  }
}

/// The server's side of the opening handshake (RFC 6455 §4.2). Extensions are never agreed on.
public enum WebSocketHandshake {
  /// The answer that opens a WebSocket: 101 with the proof that this server speaks the protocol.
  ///
  /// - Parameters:
  ///   - head: the request.
  ///   - subprotocols: those that are spoken here. The first in the client's list that is among them is agreed on;
  ///     when there is none, none is.
  /// - Throws: why the request opens none; it can still be answered in HTTP.
  public static func accept(
    _ head: HTTPRequestHead, subprotocols: [String] = []
  ) throws(WebSocketRefusal) -> HTTPResponseHead {
    guard head.method == .get, head.framing.wantsUpgrade, head.lists("websocket", in: "upgrade") else {
      throw .upgradeRequired
    }
    guard head["sec-websocket-version"] == "13" else { throw .unsupportedVersion }
    guard let key = head["sec-websocket-key"], isKey(Array(key.utf8)) else { throw .malformedKey }
    var response = HTTPResponseHead(status: 101)
    response.add("Upgrade", "websocket")
    response.add("Sec-WebSocket-Accept", proof(for: key))
    if let agreed = offered(in: head).first(where: subprotocols.contains) {
      response.add("Sec-WebSocket-Protocol", agreed)
    }
    return response
  }

  /// What shows that the server has read `key`, and is no other server that was talked into echoing something.
  static func proof(for key: String) -> String {
    base64(SHA1.hash(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
  }

  /// The subprotocols that the client speaks, the dearest first.
  private static func offered(in head: HTTPRequestHead) -> [String] {
    guard let list = head["sec-websocket-protocol"] else { return [] }
    return list.split(separator: ",").map { String($0.drop { $0 == " " || $0 == "\t" }) }
      .map { String($0.prefix { $0 != " " && $0 != "\t" }) }
  }

  /// Whether `key` is 16 bytes in base64.
  private static func isKey(_ key: [UInt8]) -> Bool {
    let padding = UInt8(ascii: "=")
    return key.count == 24 && key[22] == padding && key[23] == padding
      && key.prefix(22).allSatisfy { alphabet.contains($0) }
  }

  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func base64(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(0) { $0 << 8 | Int($1) } << (8 * (3 - group.count))
      for digit in 0..<4 {
        text.append(digit <= group.count ? alphabet[bits >> (18 - 6 * digit) & 63] : UInt8(ascii: "="))
      }
    }
    return String(decoding: text, as: UTF8.self)
  }
}
