import CCurl

/// Why something was not sent, or not answered.
public struct CurlError: Error, Sendable, CustomStringConvertible {
  /// What went wrong, seen from whoever wanted to send.
  public enum Kind: Sendable {
    /// The URL, a header or a certificate is at fault: trying again changes nothing.
    case invalid
    /// Nothing was sent: no connection could be made.
    case unreachable
    /// The connection broke, or time ran out: whether it arrived is unknown.
    case interrupted
    /// The answer is larger than allowed.
    case tooLarge
    /// The other side has refused it.
    case refused
    /// Too much is under way.
    case overloaded
  }

  /// What is known.
  public let kind: Kind
  /// What the server said last: the status of HTTP, the reply code of SMTP; 0 when it said nothing.
  public let status: Int
  /// What happened, to what.
  public let description: String

  init(_ kind: Kind, _ description: String, status: Int = 0) {
    (self.kind, self.description, self.status) = (kind, description, status)
  }

  init(_ code: CURLcode, host: String, status: Int, wasSent: Bool) {
    let kind: Kind =
      switch code {
      case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL, CURLE_SSL_CERTPROBLEM, CURLE_SSL_CACERT_BADFILE,
        CURLE_BAD_FUNCTION_ARGUMENT:
        .invalid
      case CURLE_LOGIN_DENIED, CURLE_REMOTE_ACCESS_DENIED, CURLE_PEER_FAILED_VERIFICATION, CURLE_USE_SSL_FAILED:
        .refused
      case CURLE_COULDNT_CONNECT, CURLE_COULDNT_RESOLVE_HOST, CURLE_SSL_CONNECT_ERROR: .unreachable
      default: wasSent ? .interrupted : .unreachable
      }
    let reason = String(cString: curl_easy_strerror(code))
    self.init(kind, "\(host): \(reason)\(status > 0 ? " (after \(status))" : "")", status: status)
  }
}
