import Contract
import Crypto

/// Signs requests to an S3 server: AWS Signature Version 4, with the key's secret and the request's own words.
struct S3Signature: Sendable {
  let accessKey: String
  let secret: String
  let region: String

  /// What is signed of a request.
  struct Request {
    var method: String
    /// The host as the request names it, with its port if that is not the scheme's own.
    var host: String
    /// Percent-encoded.
    var path: String
    /// In any order, not encoded yet.
    var query: [(name: String, value: String)] = []
    /// Beside the host; names in lower case.
    var headers: [(name: String, value: String)] = []
    /// SHA-256 of the body.
    var contentHash: [UInt8] = SHA256.hash([])
  }

  /// All headers of `request` beside the host, with its signature.
  func headers(for request: Request, at time: Timestamp) -> [(name: String, value: String)] {
    let date = Self.date(time)
    let hash = Hex.encode(request.contentHash)
    let headers = request.headers + [("x-amz-content-sha256", hash), ("x-amz-date", date)]
    let signed = (headers + [("host", request.host)]).sorted { $0.name < $1.name }
    let signature = signature(
      of: [
        request.method, request.path, Self.text(of: request.query),
        signed.map { "\($0.name):\($0.value)\n" }.joined(), signed.map(\.name).joined(separator: ";"), hash,
      ], date)
    let authorization =
      "AWS4-HMAC-SHA256 Credential=\(accessKey)/\(scope(date)), "
      + "SignedHeaders=\(signed.map(\.name).joined(separator: ";")), Signature=\(signature)"
    return headers + [("authorization", authorization)]
  }

  /// The query with which anybody may make `request`, which has no headers beside the host, until `lifetime` is over.
  func query(for request: Request, at time: Timestamp, lifetime: Duration) -> String {
    let date = Self.date(time)
    let query =
      request.query + [
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"), ("X-Amz-Credential", "\(accessKey)/\(scope(date))"),
        ("X-Amz-Date", date), ("X-Amz-Expires", "\(lifetime.components.seconds)"), ("X-Amz-SignedHeaders", "host"),
      ]
    let signature = signature(
      of: [
        request.method, request.path, Self.text(of: query), "host:\(request.host)\n", "host", "UNSIGNED-PAYLOAD",
      ], date)
    return Self.text(of: query) + "&X-Amz-Signature=\(signature)"
  }

  /// Names and values, encoded and in the order in which they are signed.
  static func text(of query: [(name: String, value: String)]) -> String {
    query.map { (encode($0.name), encode($0.value)) }.sorted { $0 < $1 }.map { "\($0)=\($1)" }.joined(separator: "&")
  }

  /// Percent-encodes all but the unreserved characters of RFC 3986.
  static func encode(_ text: String, keepingSlashes: Bool = false) -> String {
    var encoded = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"),
        UInt8(ascii: "~"):
        encoded.unicodeScalars.append(Unicode.Scalar(byte))
      case UInt8(ascii: "/") where keepingSlashes: encoded += "/"
      default: encoded += "%" + Hex.encode([byte]).uppercased()
      }
    }
    return encoded
  }

  private func signature(of lines: [String], _ date: String) -> String {
    let digest = Hex.encode(SHA256.hash(Array(lines.joined(separator: "\n").utf8)))
    let text = "AWS4-HMAC-SHA256\n\(date)\n\(scope(date))\n\(digest)"
    let key = [String(date.prefix(8)), region, "s3", "aws4_request"].reduce(Array("AWS4\(secret)".utf8)) { key, word in
      HMAC.authenticate(Array(word.utf8), key: key)
    }
    return Hex.encode(HMAC.authenticate(Array(text.utf8), key: key))
  }

  private func scope(_ date: String) -> String { "\(date.prefix(8))/\(region)/s3/aws4_request" }

  /// `20260301T093000Z`.
  static func date(_ time: Timestamp) -> String {
    let second = Timestamp(microseconds: time.microseconds / 1_000_000 * 1_000_000)
    return second.description.filter { $0 != "-" && $0 != ":" }
  }
}
