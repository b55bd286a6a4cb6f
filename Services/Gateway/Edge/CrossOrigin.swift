import Telemetry

/// A web site as browsers name it in `Origin` (RFC 6454): scheme, host, and the port where it is not the scheme's own.
struct WebOrigin: Hashable, Sendable, OptionValue {
  let text: String

  static var expected: String { "an origin such as https://app.example" }

  init?(option text: String) {
    let text = text.lowercased()
    guard let mark = text.firstRange(of: "://"), ["http", "https"].contains(text[..<mark.lowerBound]) else {
      return nil
    }
    let host = text[mark.upperBound...]
    guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && !"/?#@\\,".utf8.contains($0) }) else {
      return nil
    }
    self.text = text
  }

  var optionText: String { text }
}

/// Which web sites may read our answers in a browser (the CORS protocol of the Fetch standard, section 3.2).
///
/// Access tokens travel in a header that a page sets itself, never in cookies, so a foreign page can do nothing in a
/// member's name; no credentials are allowed for anyone.
struct CrossOrigin: Sendable {
  private let origins: Set<String>

  /// What pages may send beside the simple headers.
  static let requestHeaders = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, traceparent"
  /// What pages may read beside the simple headers.
  static let answerHeaders =
    "ETag, Location, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, X-Request-Id"
  /// For how long a browser may remember a preflight.
  static let preflightAge = Duration.seconds(600)

  init(_ origins: [WebOrigin]) { self.origins = Set(origins.map(\.text)) }

  /// Whether any site but our own is allowed at all; only then does an answer vary with its `Origin`.
  var isActive: Bool { !origins.isEmpty }

  /// Whether pages of `origin`, as the browser wrote it, may read the answer.
  func allows(_ origin: String) -> Bool { origins.contains(origin) }
}
