/// What a request asks to be done with its target (RFC 9110 §9.3).
///
/// CONNECT is left out, since this server opens no tunnels: it, and any other token, is refused with 501. QUERY and TRACE
/// are known so that whoever sends them is told what there is instead (405); nothing answers them.
public enum HTTPMethod: String, CaseIterable, Sendable {
  case get = "GET"
  case head = "HEAD"
  case post = "POST"
  case put = "PUT"
  case patch = "PATCH"
  case delete = "DELETE"
  case options = "OPTIONS"
  case query = "QUERY"
  case trace = "TRACE"

  /// Those that something may answer.
  public static let served = allCases.filter { $0 != .query && $0 != .trace }

  /// Those, for messages.
  static let names = served.map(\.rawValue).joined(separator: ", ")

  init?(_ bytes: Span<UInt8>) {
    guard bytes.count <= 7 else { return nil }
    var word: UInt64 = 0
    for index in bytes.indices { word = word << 8 | UInt64(bytes[index]) }
    switch word {
    case 0x47_4554: self = .get
    case 0x4845_4144: self = .head
    case 0x504F_5354: self = .post
    case 0x50_5554: self = .put
    case 0x50_4154_4348: self = .patch
    case 0x4445_4C45_5445: self = .delete
    case 0x4F_5054_494F_4E53: self = .options
    case 0x51_5545_5259: self = .query
    case 0x54_5241_4345: self = .trace
    default: return nil
    }
  }
}

/// The version a request was sent in.
public enum HTTPVersion: String, Sendable {
  case http10 = "HTTP/1.0"
  case http11 = "HTTP/1.1"
}

/// How the end of a request's body is known (RFC 9112 §6).
public enum HTTPBodyLength: Hashable, Sendable {
  /// There is no body.
  case none
  /// So many bytes; more than none.
  case fixed(Int)
  /// In chunks, until the one of size zero.
  case chunked
}

/// How a request lies on its connection: what must be known to find its end and what follows it.
public struct HTTPFraming: Hashable, Sendable {
  /// How its body ends.
  public internal(set) var body = HTTPBodyLength.none
  /// Whether another request may follow on the connection: 1.1 unless it said `close`, 1.0 only with `keep-alive`.
  public internal(set) var keepsAlive = true
  /// Whether the client waits for 100 (Continue) before it sends the body.
  public internal(set) var expectsContinue = false
  /// Whether the client asks to leave HTTP after this request (`Upgrade`, and named so in `Connection`). Ignored in a
  /// request with a body: some parsers would take the body for the new protocol.
  public internal(set) var wantsUpgrade = false
}
