import CCurl
public import EventLoop

/// Hands mail to a mail server (RFC 5321), over TLS where the server offers it and always where a password is sent.
@Loop public final class SMTPClient {
  private let url: String
  private let host: String
  private let hasPassword: Bool
  private let authorities: String?
  private let transfers = Transfers(limit: 64, connections: 4, connectionsPerHost: 4)

  /// Prepares to use the server at `url`: `smtp://USER:PASSWORD@HOST:PORT` (STARTTLS) or `smtps://…`.
  ///
  /// - Parameter authorities: A file of certificate authorities to trust instead of the system's.
  public init(url: String, authorities: String? = nil) {
    self.url = url
    self.authorities = authorities
    let address = url.split(separator: "/", omittingEmptySubsequences: true).dropFirst().first ?? ""
    hasPassword = address.contains("@")
    host = String(address.split(separator: "@").last ?? "")
  }

  /// Ends what is under way, and closes all connections.
  public func close() { transfers.close() }

  /// Hands over a message (RFC 5322, lines ended by CR LF). Returns when the server has taken it.
  ///
  /// Throws `CurlError`: its status is the server's reply code, of which 500 to 599 mean never; and `CancellationError`.
  public func send(_ message: [UInt8], from sender: String, to recipients: [String]) async throws {
    guard
      ([sender] + recipients).allSatisfy({ $0.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != 0x3C && $0 != 0x3E } })
    else { throw CurlError(.invalid, "\(host): an address has characters that it must not have") }
    let transfer = Transfer(
      url: url, protocols: "smtp,smtps", timeout: .seconds(60), connectTimeout: .seconds(10), limit: 64 << 10)
    transfer.set(CURLOPT_USE_SSL, Int(hasPassword ? CURLUSESSL_ALL.rawValue : CURLUSESSL_TRY.rawValue))
    if let authorities { transfer.set(CURLOPT_CAINFO, authorities) }
    transfer.set(CURLOPT_MAIL_FROM, "<\(sender)>")
    transfer.set(CURLOPT_MAIL_RCPT, recipients.map { "<\($0)>" })
    transfer.set(upload: message)
    try await transfers.run(transfer, to: host)
  }
}
