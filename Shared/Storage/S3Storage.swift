public import Contract
import Crypto
import Curl
public import EventLoop

/// Objects in a bucket of an S3 server, whose names begin with the bucket's in the path (`http://host/bucket/key`).
///
/// What passes is tried three times. Clients read from the server itself, by URLs that are signed for some minutes.
@Loop public final class S3Storage: ObjectStorage {
  /// Where the server is and how to speak to it.
  struct Server: Sendable {
    /// `http` or `https`.
    let scheme: String
    /// With its port, if that is not the scheme's own.
    let host: String
    let bucket: String
    let signature: S3Signature
  }

  private let server: Server
  private let client: HTTPClient
  private let clock: @Sendable () -> Timestamp

  private static let attempts = 3
  /// For how long a client may read by a URL.
  private static let linkLifetime = Duration.seconds(900)
  private static let sweepLimit = 1000

  init(_ server: Server, clock: @escaping @Sendable () -> Timestamp) {
    (self.server, self.clock) = (server, clock)
    var options = HTTPClient.Options()
    options.timeout = .seconds(60)
    options.responseLimit = 64 << 20
    client = HTTPClient(options)
  }

  /// See `ObjectStorage`.
  public func put(_ content: ObjectContent, as key: ObjectKey, type: String) async throws(StorageError) {
    var request = request("PUT", key)
    request.headers = [("content-type", type)]
    if key.audience == .public { request.headers.append(("cache-control", MediaLink.publicCaching)) }
    let body: HTTPClient.Body
    switch content {
    case .bytes(let bytes):
      request.contentHash = SHA256.hash(bytes)
      body = .bytes(bytes)
    case .spool(let spool):
      request.contentHash = spool.digest
      body = .reader(length: spool.size) { spool.read($0, $1) }
    }
    _ = try await send(request, body, about: key)
  }

  /// See `ObjectStorage`.
  public func get(_ key: ObjectKey, limit: Int) async throws(StorageError) -> [UInt8] {
    let answer = try await send(request("GET", key), about: key)
    guard answer.body.count <= limit else { throw .tooLarge(key, limit: limit) }
    return answer.body
  }

  /// See `ObjectStorage`.
  public func copy(_ key: ObjectKey, to other: ObjectKey) async throws(StorageError) {
    var request = request("PUT", other)
    request.headers = [("x-amz-copy-source", path(key))]
    let answer = try await send(request, about: key)
    // A copy that fails after it has begun is answered with 200 and the error.
    guard !String(decoding: answer.body, as: UTF8.self).contains("<Error>") else {
      throw .failed("\(key): the S3 server could not copy it to \(other)")
    }
  }

  /// See `ObjectStorage`.
  public func remove(_ key: ObjectKey) async throws(StorageError) {
    do throws(StorageError) {
      _ = try await send(request("DELETE", key), about: key)
    } catch .missing {}
  }

  /// See `ObjectStorage`.
  public func sweep(before time: Timestamp) async throws(StorageError) -> Int {
    var request = request("GET", nil)
    request.query = [
      ("list-type", "2"), ("prefix", "\(ObjectKey.Audience.incoming.rawValue)/"), ("max-keys", "\(Self.sweepLimit)"),
    ]
    let answer = try await send(request, about: nil)
    let listed = Self.objects(listedIn: String(decoding: answer.body, as: UTF8.self))
    let old = listed.filter { $0.key.audience == .incoming && $0.changed < time }
    for object in old { try await remove(object.key) }
    return old.count
  }

  /// A signed URL.
  public func place(of key: ObjectKey, now: Timestamp) -> ObjectPlace {
    let request = request("GET", key)
    let query = server.signature.query(for: request, at: now, lifetime: Self.linkLifetime)
    return .url("\(server.scheme)://\(server.host)\(request.path)?\(query)")
  }

  /// What a ListObjectsV2 answer lists. Names that are not ours are left out.
  nonisolated static func objects(listedIn xml: String) -> [(key: ObjectKey, changed: Timestamp)] {
    func text(_ name: String, in part: Substring) -> String? {
      guard let start = part.firstRange(of: "<\(name)>"), let end = part.firstRange(of: "</\(name)>"),
        start.upperBound <= end.lowerBound
      else { return nil }
      return String(part[start.upperBound..<end.lowerBound])
    }
    return xml.split(separator: "<Contents>").dropFirst().compactMap { part in
      guard let key = text("Key", in: part).flatMap({ ObjectKey($0) }),
        let changed = text("LastModified", in: part).flatMap({ Timestamp($0) })
      else { return nil }
      return (key, changed)
    }
  }

  // MARK: Asking

  private func path(_ key: ObjectKey?) -> String {
    S3Signature.encode("/\(server.bucket)" + (key.map { "/\($0)" } ?? ""), keepingSlashes: true)
  }

  private func request(_ method: String, _ key: ObjectKey?) -> S3Signature.Request {
    S3Signature.Request(method: method, host: server.host, path: path(key))
  }

  /// Asks until there is an answer that will not change; throws what is none of success.
  private func send(
    _ request: S3Signature.Request, _ body: HTTPClient.Body? = nil, about key: ObjectKey?
  ) async throws(StorageError) -> HTTPClient.Response {
    let query = request.query.isEmpty ? "" : "?" + S3Signature.text(of: request.query)
    let url = "\(server.scheme)://\(server.host)\(request.path)\(query)"
    var attempt = 1
    while true {
      var trouble: String
      do {
        let headers = server.signature.headers(for: request, at: clock())
        var asked = HTTPClient.Request(request.method, url, headers: headers)
        asked.body = body ?? (request.method == "PUT" ? .bytes([]) : nil)
        let answer = try await client.send(asked)
        if (200..<300).contains(answer.status) { return answer }
        if answer.status == 404, let key { throw StorageError.missing(key) }
        trouble = "the S3 server answers \(answer.status): \(String(decoding: answer.body.prefix(500), as: UTF8.self))"
        guard answer.status >= 500 || answer.status == 429 else { throw StorageError.failed(trouble) }
      } catch let error as StorageError {
        throw error
      } catch {
        trouble = "\(error)"
      }
      guard attempt < Self.attempts, !Task.isCancelled else { throw .failed(trouble) }
      try? await Loop.sleep(for: .milliseconds(100 * attempt))
      attempt += 1
    }
  }
}
