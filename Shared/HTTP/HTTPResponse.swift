import EventLoop
import Wire

/// What a request is answered with.
public struct HTTPResponse {
  /// What follows the head.
  public enum Body {
    /// Bytes that are there.
    case bytes([UInt8])
    /// A stretch of a file, sent without passing through this process.
    case file(FileRegion)
    /// Bytes that are made while they are sent: of a length that is known, or in chunks when it is nil. What `make`
    /// throws cuts the response off, so that the client sees that it is incomplete.
    case stream(length: Int?, make: @Loop (HTTPBodyWriter) async throws -> Void)
  }

  /// Status and headers.
  public var head: HTTPResponseHead
  /// What follows them; not sent in answer to HEAD, nor with 204 and 304.
  public var body: Body

  /// A response with `status` and `body`, and no headers beside those that frame it.
  public init(status: Int, body: Body = .bytes([])) {
    head = HTTPResponseHead(status: status)
    self.body = body
  }

  /// A response with `bytes` of a media type, as `application/json`.
  public init(status: Int = 200, type: String, bytes: [UInt8]) {
    self.init(status: status, body: .bytes(bytes))
    head.add("Content-Type", type)
  }

  /// A problem document (RFC 9457).
  ///
  /// - Parameters:
  ///   - code: the stable word for programs.
  ///   - detail: the sentence for people: what is wrong and what would be right.
  public static func problem(status: Int, code: String, detail: String) -> HTTPResponse {
    var json = Array(#"{"type":"about:blank","title":""#.utf8)
    append("\(HTTPResponseHead.reason(status))", to: &json)
    json += Array(#"","status":\#(status),"detail":""#.utf8)
    append(detail, to: &json)
    json += Array(#"","code":""#.utf8)
    append(code, to: &json)
    json += Array(#""}"#.utf8)
    return HTTPResponse(status: status, type: "application/problem+json", bytes: json)
  }

  /// The problem document for a refusal.
  public static func problem(_ refusal: HTTPRefusal) -> HTTPResponse {
    problem(status: refusal.status, code: refusal.rawValue, detail: refusal.detail)
  }

  /// Appends `text` as the inside of a JSON string.
  private static func append(_ text: String, to json: inout [UInt8]) {
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): json += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: json.append(UInt8(ascii: " "))
      default: json.append(byte)
      }
    }
  }

  /// How the end of the response is marked for a client of `version`.
  func length(for version: HTTPVersion) -> HTTPResponseHead.Length {
    if !mayHaveBody { return .none }
    switch body {
    case .bytes(let bytes): return .fixed(bytes.count)
    case .file(let region): return .fixed(region.count)
    case .stream(let length?, _): return .fixed(length)
    case .stream(nil, _): return version == .http11 ? .chunked : .untilClose
    }
  }

  /// 204 and 304 end with their head (RFC 9112 §6.3).
  var mayHaveBody: Bool { head.status != 204 && head.status != 304 }
}
