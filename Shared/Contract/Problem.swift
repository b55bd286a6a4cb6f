/// Why a request was not answered as asked: problem details for HTTP (RFC 9457), the one form of every error.
public struct Problem: Codable, Sendable, Error, Equatable {
  /// One field that is wrong.
  public struct Field: Codable, Sendable, Equatable {
    /// Where it is: a JSON pointer into the body (RFC 6901), or `?name` for a query value.
    public var pointer: String
    /// The stable word for what is wrong: "required", "type", "too_short".
    public var code: String
    /// What is wrong and what is expected, for people.
    public var detail: String

    /// Describes one field.
    public init(pointer: String, code: String, detail: String) {
      (self.pointer, self.code, self.detail) = (pointer, code, detail)
    }
  }

  /// A URI for the kind of problem; `about:blank` where `code` says it all.
  public var type: String
  /// The status in words.
  public var title: String
  /// The HTTP status.
  public var status: Int
  /// What happened and what to do, for people.
  public var detail: String
  /// The path that was asked for.
  public var instance: String?
  /// The stable word that clients compare.
  public var code: String
  /// The identifier under which the logs know the request.
  public var requestId: String?
  /// The fields that are wrong, where the problem is about fields.
  public var errors: [Field]?

  /// Describes a problem; the gateway adds `instance` and `requestId`.
  public init(_ status: Int, _ code: String, _ detail: String, errors: [Field]? = nil) {
    type = "about:blank"
    title = Self.titles[status] ?? "Error"
    (self.status, self.code, self.detail, self.errors) = (status, code, detail, errors)
  }

  /// The problem that a domain's refusal is on the public surface.
  public init(_ refusal: some Refusal) { self.init(refusal.status, refusal.code, refusal.detail) }

  private static let titles: [Int: String] = [
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 405: "Method Not Allowed",
    406: "Not Acceptable", 408: "Request Timeout", 409: "Conflict", 410: "Gone", 412: "Precondition Failed",
    413: "Content Too Large", 414: "URI Too Long", 415: "Unsupported Media Type", 417: "Expectation Failed",
    421: "Misdirected Request", 422: "Unprocessable Content", 426: "Upgrade Required", 428: "Precondition Required",
    429: "Too Many Requests", 431: "Request Header Fields Too Large", 500: "Internal Server Error",
    501: "Not Implemented", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
    505: "HTTP Version Not Supported",
  ]
}
