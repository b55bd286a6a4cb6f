/// The status line and headers of a response.
///
/// What frames the response (`Content-Length`, `Transfer-Encoding`, `Connection`, `Date`) is written by `encode`,
/// from what the response really is, and cannot be set.
public struct HTTPResponseHead: Sendable {
  /// The three-digit status.
  public var status: Int
  /// The header lines so far, in their wire form.
  private(set) var lines: [UInt8] = []

  /// How the end of the response is marked.
  public enum Length: Hashable, Sendable {
    /// It has no body and says no length: 204 and 304.
    case none
    /// So many bytes. In answer to HEAD: what GET would give.
    case fixed(Int)
    /// In chunks, see `HTTPChunk`.
    case chunked
    /// With the connection: for HTTP/1.0, which knows no chunks.
    case untilClose
  }

  /// What the response says of its connection.
  public enum Connection: Sendable {
    /// Nothing: a 1.1 connection stays.
    case implied
    /// It stays, said to a 1.0 client.
    case keepAlive
    /// It closes after this response.
    case close
    /// It leaves HTTP (101).
    case upgrade
  }

  /// A head without headers.
  ///
  /// - Precondition: `status` has three digits.
  public init(status: Int) {
    precondition(100...999 ~= status, "An HTTP status has three digits; got \(status)")
    self.status = status
  }

  /// Adds a header line. Control characters in the value become spaces (RFC 9110 §5.5): no value, wherever it comes
  /// from, can begin another line.
  ///
  /// - Precondition: `name` is a token and none of the headers that frame the response.
  public mutating func add(_ name: StaticString, _ value: String) {
    Self.check(name)
    lines.append(contentsOf: UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    lines.append(.colon)
    lines.append(.space)
    for byte in value.utf8 { lines.append(byte.isValueCharacter ? byte : .space) }
    lines.append(.carriageReturn)
    lines.append(.lineFeed)
  }

  /// Appends the head to `output`, up to and with its empty line.
  ///
  /// - Parameters:
  ///   - date: the time as `HTTPDate` writes it, for the `Date` header.
  public func encode(to output: inout [UInt8], length: Length, connection: Connection, date: [UInt8]) {
    output.append(text: "HTTP/1.1 ")
    output.append(decimal: status)
    output.append(.space)
    output.append(text: Self.reason(status))
    output.append(text: "\r\nDate: ")
    output.append(contentsOf: date)
    output.append(.carriageReturn)
    output.append(.lineFeed)
    switch length {
    case .none, .untilClose: break
    case .fixed(let count):
      output.append(text: "Content-Length: ")
      output.append(decimal: count)
      output.append(text: "\r\n")
    case .chunked: output.append(text: "Transfer-Encoding: chunked\r\n")
    }
    switch connection {
    case .implied: break
    case .keepAlive: output.append(text: "Connection: keep-alive\r\n")
    case .close: output.append(text: "Connection: close\r\n")
    case .upgrade: output.append(text: "Connection: Upgrade\r\n")
    }
    output.append(contentsOf: lines)
    output.append(.carriageReturn)
    output.append(.lineFeed)
  }

  /// 100 (Continue), whole.
  public static let goOn = Array("HTTP/1.1 100 Continue\r\n\r\n".utf8)

  private static func check(_ name: StaticString) {
    name.withUTF8Buffer { buffer in
      precondition(!buffer.isEmpty && buffer.span.all(\.isTokenCharacter), "\(name) cannot be a header's name")
      for framing: StaticString in ["content-length", "transfer-encoding", "connection", "date"] {
        precondition(!buffer.span.equalsIgnoringCase(framing), "\(name) is written by the encoder")
      }
    }
  }

  /// The phrase behind a status (RFC 9110 §15); clients ignore it.
  public static func reason(_ status: Int) -> StaticString {
    switch status {
    case 101: "Switching Protocols"
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 206: "Partial Content"
    case 301: "Moved Permanently"
    case 302: "Found"
    case 303: "See Other"
    case 304: "Not Modified"
    case 307: "Temporary Redirect"
    case 308: "Permanent Redirect"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 416: "Range Not Satisfiable"
    case 417: "Expectation Failed"
    case 422: "Unprocessable Content"
    case 426: "Upgrade Required"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 502: "Bad Gateway"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status"
    }
  }
}

/// The frame around each part of a body sent in chunks (RFC 9112 §7.1).
public enum HTTPChunk {
  /// Appends what comes before a chunk of `count` bytes, more than none. Behind the chunk comes `end`.
  public static func encodeSize(_ count: Int, to output: inout [UInt8]) {
    precondition(count > 0, "A chunk of size \(count) would end the body")
    output.append(contentsOf: String(count, radix: 16).utf8)
    output.append(text: "\r\n")
  }

  /// What comes behind each chunk.
  public static let end: [UInt8] = [.carriageReturn, .lineFeed]

  /// The last chunk, of size zero, with no trailers.
  public static let last = Array("0\r\n\r\n".utf8)
}

extension [UInt8] {
  mutating func append(text: StaticString) {
    append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
  }

  mutating func append(decimal number: Int) {
    if number >= 10 { append(decimal: number / 10) }
    append(UInt8(ascii: "0") + UInt8(number % 10))
  }
}
