import CCurl
public import EventLoop

/// Hands mail to a mail server (RFC 5321), over TLS where the server offers it and always where a password is sent.
///
/// It has a few threads of its own: libcurl waits for a mail server's last word, which may take long, without giving back
/// control. Each message takes a connection.
@Loop public final class SMTPClient {
  private let server: Server
  private let pool: BackgroundPool

  /// Prepares to use the server at `url`: `smtp://USER:PASSWORD@HOST:PORT` (STARTTLS) or `smtps://…`.
  ///
  /// - Parameters:
  ///   - threads: How many messages are handed over at once.
  ///   - limit: How many messages may wait; more fail as `overloaded`.
  ///   - authorities: A file of certificate authorities to trust instead of the system's.
  public init(url: String, threads: Int = 2, limit: Int = 256, authorities: String? = nil) {
    prepareLibrary()
    server = Server(url: url, authorities: authorities)
    pool = BackgroundPool(threads: threads, limit: limit)
  }

  deinit { pool.stop() }

  /// Hands over a message (RFC 5322, lines ended by CR LF). Returns when the server has taken it, within a minute.
  ///
  /// Throws `CurlError`: its status is the server's reply code, of which 500 to 599 mean never.
  public func send(_ message: [UInt8], from sender: String, to recipients: [String]) async throws {
    let isClean = ([sender] + recipients).allSatisfy { address in
      address.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "<") && $0 != UInt8(ascii: ">") }
    }
    guard isClean else {
      throw CurlError(.invalid, "\(server.host): an address has characters that it must not have")
    }
    do {
      try await pool.run { [server] in try server.send(message, from: sender, to: recipients) }
    } catch is BackgroundPool.Full {
      throw CurlError(.overloaded, "\(server.host): too many messages wait to be handed over")
    }
  }
}

/// A mail server, as a thread that may block uses it.
private struct Server: Sendable {
  let url: String
  let authorities: String?

  /// Without the password, for messages.
  var host: String { String(address.split(separator: "@").last ?? "") }
  private var address: Substring { url.split(separator: "/").dropFirst().first ?? "" }

  func send(_ message: [UInt8], from sender: String, to recipients: [String]) throws(CurlError) {
    guard let handle = curl_easy_init() else { preconditionFailure("curl_easy_init: out of memory") }
    defer { curl_easy_cleanup(handle) }
    ccurl_set_long(handle, CURLOPT_NOSIGNAL, 1)
    ccurl_set_long(handle, CURLOPT_TIMEOUT_MS, Duration.seconds(60).milliseconds)
    ccurl_set_long(handle, CURLOPT_CONNECTTIMEOUT_MS, Duration.seconds(10).milliseconds)
    let usesTLS = address.contains("@") ? CURLUSESSL_ALL : CURLUSESSL_TRY
    ccurl_set_long(handle, CURLOPT_USE_SSL, Int(usesTLS.rawValue))
    // libcurl copies texts.
    ccurl_set_pointer(handle, CURLOPT_URL, url)
    ccurl_set_pointer(handle, CURLOPT_PROTOCOLS_STR, "smtp,smtps")
    if let authorities { ccurl_set_pointer(handle, CURLOPT_CAINFO, authorities) }
    ccurl_set_pointer(handle, CURLOPT_MAIL_FROM, "<\(sender)>")
    let list = StringList(recipients.map { "<\($0)>" })
    ccurl_set_pointer(handle, CURLOPT_MAIL_RCPT, list.pointer)
    ccurl_set_long(handle, CURLOPT_UPLOAD, 1)
    ccurl_set_size(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(message.count))
    ccurl_set_function(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
      let unsent = context!.assumingMemoryBound(to: ArraySlice<UInt8>.self)
      let piece = unsent.pointee.prefix(size * count)
      UnsafeMutableRawBufferPointer(start: bytes, count: size * count).copyBytes(from: piece)
      unsent.pointee = unsent.pointee.dropFirst(piece.count)
      return piece.count
    }
    var unsent = message[...]
    let result = withUnsafeMutablePointer(to: &unsent) { unsent in
      ccurl_set_pointer(handle, CURLOPT_READDATA, unsent)
      return curl_easy_perform(handle)
    }
    guard result != CURLE_OK else { return }
    var status = 0
    ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    throw CurlError(result, host: host, status: status)
  }
}
