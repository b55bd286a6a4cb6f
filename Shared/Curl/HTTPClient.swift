import CCurl
public import EventLoop

/// Asks HTTP servers beyond the mesh: payment providers, identity providers, object storage.
///
/// **Overview.** libcurl on the event loop, HTTP/1.1 and 2, TLS with the system's authorities. Connections are kept and
/// shared. Redirects are not followed, and no other protocols are spoken: where a URL leads is for the caller to say.
///
/// **Bounds.** Requests under way, connections, time, and the size of an answer are limited by `Options`.
@Loop public final class HTTPClient {
  /// Bounds and times.
  public struct Options: Sendable {
    /// How long making a connection may take.
    public var connectTimeout = Duration.seconds(5)
    /// How long a request may take as a whole, unless it says otherwise.
    public var timeout = Duration.seconds(30)
    /// The largest answer, in bytes.
    public var responseLimit = 4 << 20
    /// Requests under way; more fail as `overloaded`.
    public var requests = 1024
    /// Connections at once; requests wait for one.
    public var connections = 128
    /// Connections to one host at once.
    public var connectionsPerHost = 16
    /// A file of certificate authorities to trust instead of the system's.
    public var authorities: String?
    /// The defaults.
    public init() {}
  }

  /// What is sent with a request.
  public enum Body: Sendable {
    /// Bytes in memory.
    case bytes([UInt8])
    /// `length` bytes that are read while they are sent. `read` is given where to read from and where to put it; it says
    /// how many bytes it has read, and 0 breaks the request off.
    case reader(length: Int, read: @Sendable (_ offset: Int, _ buffer: UnsafeMutableRawBufferPointer) -> Int)
  }

  /// What is asked.
  public struct Request: Sendable {
    /// `GET`, `POST`, …
    public var method: String
    /// `https://…` or `http://…`.
    public var url: String
    /// Names and values.
    public var headers: [(name: String, value: String)]
    /// The body; nil for none.
    public var body: Body?
    /// How long it may take; nil for the client's own limit.
    public var timeout: Duration?

    /// Describes a request.
    public init(
      _ method: String = "GET", _ url: String, headers: [(name: String, value: String)] = [], body: [UInt8]? = nil,
      timeout: Duration? = nil
    ) {
      (self.method, self.url, self.headers, self.timeout) = (method, url, headers, timeout)
      self.body = body.map { .bytes($0) }
    }
  }

  /// What was answered, whatever the status.
  public struct Response: Sendable {
    /// The status.
    public let status: Int
    /// Names, in lower case, and values.
    public let headers: [(name: String, value: String)]
    /// The body.
    public let body: [UInt8]

    /// The first header of this name, which is given in lower case.
    public subscript(header: String) -> String? { headers.first { $0.name == header }?.value }
  }

  private let options: Options
  private let transfers: Transfers

  /// Prepares to ask.
  public init(_ options: Options = Options()) {
    self.options = options
    transfers = Transfers(
      limit: options.requests, connections: options.connections, connectionsPerHost: options.connectionsPerHost)
  }

  /// Ends what is under way, and closes all connections.
  public func close() { transfers.close() }

  /// Asks, and waits for the whole answer. Throws `CurlError`, and `CancellationError` when the task is cancelled.
  public func send(_ request: Request) async throws -> Response {
    let host = request.url.prefix { $0 != "?" && $0 != "#" }
    guard Self.isToken(request.method), request.headers.allSatisfy({ Self.isToken($0.name) && Self.isValue($0.value) }),
      Self.isValue(request.url), !request.url.utf8.contains(UInt8(ascii: " "))
    else { throw CurlError(.invalid, "\(host): the method, the URL or a header has characters that it must not have") }
    let transfer = Transfer(
      url: request.url, protocols: "http,https", timeout: request.timeout ?? options.timeout,
      connectTimeout: options.connectTimeout, limit: options.responseLimit)
    if let authorities = options.authorities { transfer.set(CURLOPT_CAINFO, authorities) }
    if request.method == "HEAD" {
      transfer.set(CURLOPT_NOBODY, 1)
    } else {
      switch request.body {
      case .bytes(let body): transfer.set(body: body)
      case .reader(let length, let read): transfer.set(length: length, reader: read)
      case nil: break
      }
    }
    transfer.set(CURLOPT_CUSTOMREQUEST, request.method)
    // Without a body worth asking about, waiting for "100 Continue" only costs time.
    transfer.set(
      CURLOPT_HTTPHEADER,
      request.headers.map { $0.value.isEmpty ? "\($0.name);" : "\($0.name): \($0.value)" } + ["Expect:"])
    try await transfers.run(transfer, to: String(host))
    return Response(status: transfer.status, headers: transfer.headers, body: transfer.received)
  }

  private static func isToken(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && !"\"(),/:;<=>?@[\\]{}".utf8.contains($0) }
  }

  private static func isValue(_ text: String) -> Bool {
    text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
  }
}

extension Transfers {
  /// Runs a transfer to its end. Throws `CurlError`, and `CancellationError` when the task is cancelled.
  func run(_ transfer: Transfer, to host: String) async throws {
    let promise = Promise<CURLcode>()
    transfer.ended = { promise.fulfil($0) }
    guard begin(transfer) else { throw CurlError(.overloaded, "\(host): too many requests are under way") }
    // Also when the task is cancelled, in which case the transfer has not ended by itself.
    defer { cancel(transfer) }
    let result = try await promise.value
    if transfer.isTooLarge { throw CurlError(.tooLarge, "\(host): the answer is too large", status: transfer.status) }
    guard result == CURLE_OK else {
      throw CurlError(result, host: host, status: transfer.status)
    }
  }
}
