/// Why a request is refused before anyone looks at what it asks: it breaks HTTP, it can be read in two ways, or it
/// is larger than allowed.
///
/// The raw value is the stable `code` of the problem document (RFC 9457) the client gets. After a refusal nothing
/// more can be read from the connection: answer with `status` and close it.
public enum HTTPRefusal: String, Error, Hashable, CaseIterable, Sendable {
  // The lines of the head.
  case bareLineFeed = "bare_line_feed"
  case controlCharacter = "control_character"
  case malformedRequestLine = "malformed_request_line"
  case requestLineTooLong = "request_line_too_long"
  case unsupportedMethod = "unsupported_method"
  case unsupportedVersion = "unsupported_version"
  case foldedHeader = "folded_header"
  case spaceBeforeColon = "space_before_colon"
  case malformedHeader = "malformed_header"
  case headersTooLarge = "headers_too_large"
  case tooManyHeaders = "too_many_headers"

  // What the request is for.
  case missingHost = "missing_host"
  case repeatedHost = "repeated_host"
  case malformedHost = "malformed_host"
  case hostMismatch = "host_mismatch"
  case malformedTarget = "malformed_target"
  case dotSegment = "dot_segment"
  case emptySegment = "empty_segment"
  case encodedSlash = "encoded_slash"
  case encodedControl = "encoded_control"
  case malformedEscape = "malformed_escape"
  case targetNotUTF8 = "target_not_utf8"

  // Where its body ends.
  case lengthAndTransferEncoding = "length_and_transfer_encoding"
  case repeatedContentLength = "repeated_content_length"
  case malformedContentLength = "malformed_content_length"
  case repeatedTransferEncoding = "repeated_transfer_encoding"
  case unsupportedTransferEncoding = "unsupported_transfer_encoding"
  case transferEncodingInHTTP10 = "transfer_encoding_in_http10"
  case unsupportedExpectation = "unsupported_expectation"
  case malformedChunk = "malformed_chunk"
  case chunkExtensionsTooLarge = "chunk_extensions_too_large"
  case forbiddenTrailer = "forbidden_trailer"
  case trailersTooLarge = "trailers_too_large"
  case bodyTooLarge = "body_too_large"

  /// The status to answer with.
  public var status: Int {
    switch self {
    case .requestLineTooLong: 414
    case .unsupportedMethod: 501
    case .unsupportedVersion: 505
    case .headersTooLarge, .tooManyHeaders, .trailersTooLarge: 431
    case .unsupportedExpectation: 417
    case .bodyTooLarge: 413
    default: 400
    }
  }

  /// What is wrong and what would be right, for whoever wrote the client.
  public var detail: String {
    switch self {
    case .bareLineFeed: "A line ends in LF alone; end every line with CR LF."
    case .controlCharacter: "A control character, or CR without LF, stands inside the request head or trailers."
    case .malformedRequestLine: "The first line must be METHOD SP target SP HTTP/1.1, each space single."
    case .requestLineTooLong: "The request line is longer than \(HTTPLimits.requestLine) bytes."
    case .unsupportedMethod: "The method must be one of \(HTTPMethod.names)."
    case .unsupportedVersion: "Only HTTP/1.1 and HTTP/1.0 are spoken here."
    case .foldedHeader: "A header line begins with a space or tab; folded headers are obsolete, use one line each."
    case .spaceBeforeColon: "No space may stand between a header's name and its colon."
    case .malformedHeader: "A header line must be name: value, and a name holds only token characters."
    case .headersTooLarge: "The headers together are longer than \(HTTPLimits.headers) bytes."
    case .tooManyHeaders: "There are more than \(HTTPLimits.headerCount) headers."
    case .missingHost: "An HTTP/1.1 request needs a Host header."
    case .repeatedHost: "There is more than one Host header."
    case .malformedHost: "The host must be a name, an IPv4 address or [IPv6], with an optional :port."
    case .hostMismatch: "The Host header names another host than the request target."
    case .malformedTarget: "The target must be a path with an optional query, percent-encoded and without a fragment."
    case .dotSegment: "The path holds a . or .. segment; send it resolved."
    case .emptySegment: "The path holds an empty segment, that is two slashes in a row."
    case .encodedSlash: "The path holds an encoded slash or backslash."
    case .encodedControl: "The target holds an encoded control character."
    case .malformedEscape: "A % in the target must be followed by two hexadecimal digits."
    case .targetNotUTF8: "The target, decoded, is not UTF-8."
    case .lengthAndTransferEncoding: "Content-Length and Transfer-Encoding contradict each other; send one."
    case .repeatedContentLength: "There is more than one Content-Length."
    case .malformedContentLength: "Content-Length must be one decimal number below 2^63, digits only."
    case .repeatedTransferEncoding: "There is more than one Transfer-Encoding header."
    case .unsupportedTransferEncoding: "The only transfer encoding accepted is exactly: chunked."
    case .transferEncodingInHTTP10: "HTTP/1.0 knows no Transfer-Encoding."
    case .unsupportedExpectation: "The only expectation met is 100-continue."
    case .malformedChunk: "A chunk must be its size in hexadecimal, CR LF, that many bytes, CR LF."
    case .chunkExtensionsTooLarge: "The chunk extensions are longer than \(HTTPLimits.chunkExtensions) bytes."
    case .forbiddenTrailer: "Host, Content-Length and Transfer-Encoding may not stand in trailers."
    case .trailersTooLarge: "The trailers are longer than \(HTTPLimits.trailers) bytes."
    case .bodyTooLarge: "The body is larger than this request may have."
    }
  }
}

/// How much of each thing a request may hold. The body's limit is the caller's, per request.
public enum HTTPLimits {
  /// Bytes in the request line, its CR LF included.
  public static let requestLine = 8 * 1024
  /// Bytes in all header lines together, the empty line that ends them included.
  public static let headers = 32 * 1024
  /// Header lines.
  public static let headerCount = 100
  /// Bytes of chunk extensions in one body, all chunks together.
  public static let chunkExtensions = 4 * 1024
  /// Bytes in all trailer lines together.
  public static let trailers = 4 * 1024
}
