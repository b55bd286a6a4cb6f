import CCurl
import EventLoop

/// One transfer: the owner of a libcurl handle, with what it sends and has received.
@Loop final class Transfer {
  /// What is set before it starts.
  let handle: UnsafeMutableRawPointer
  private var lists: [UnsafeMutablePointer<curl_slist>] = []
  private var unsent: ArraySlice<UInt8> = []
  private let limit: Int
  private(set) var received: [UInt8] = []
  private(set) var headers: [(name: String, value: String)] = []
  private(set) var isTooLarge = false
  /// Told when it has ended.
  var ended: (@Loop (CURLcode) -> Void)?

  /// Prepares a transfer of which at most `limit` bytes are received.
  init(url: String, protocols: String, timeout: Duration, connectTimeout: Duration, limit: Int) {
    guard let handle = curl_easy_init() else { preconditionFailure("curl_easy_init: out of memory") }
    (self.handle, self.limit) = (handle, limit)
    set(CURLOPT_NOSIGNAL, 1)
    set(CURLOPT_URL, url)
    set(CURLOPT_PROTOCOLS_STR, protocols)
    set(CURLOPT_TIMEOUT_MS, timeout.milliseconds)
    set(CURLOPT_CONNECTTIMEOUT_MS, connectTimeout.milliseconds)
    let context = Unmanaged.passUnretained(self).toOpaque()
    // libcurl calls these on the loop's thread, from within `Transfers`, which keeps the transfer alive.
    ccurl_set_pointer(handle, CURLOPT_WRITEDATA, context)
    ccurl_set_function(handle, CURLOPT_WRITEFUNCTION) { bytes, size, count, context in
      let bytes = UnsafeRawBufferPointer(start: bytes, count: size * count)
      nonisolated(unsafe) let (lent, transfer) = (bytes, context!)
      return Loop.assumeIsolated { Transfer.from(transfer).receive(lent) }
    }
    ccurl_set_pointer(handle, CURLOPT_HEADERDATA, context)
    ccurl_set_function(handle, CURLOPT_HEADERFUNCTION) { bytes, size, count, context in
      let bytes = UnsafeRawBufferPointer(start: bytes, count: size * count)
      nonisolated(unsafe) let (lent, transfer) = (bytes, context!)
      return Loop.assumeIsolated { Transfer.from(transfer).receive(header: lent) }
    }
  }

  isolated deinit {
    curl_easy_cleanup(handle)
    for list in lists { curl_slist_free_all(list) }
  }

  private static func from(_ context: UnsafeMutableRawPointer) -> Transfer {
    Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
  }

  func set(_ option: CURLoption, _ value: Int) { check(ccurl_set_long(handle, option, value), option) }

  /// libcurl keeps a copy of the text.
  func set(_ option: CURLoption, _ text: String) {
    text.withCString { check(ccurl_set_pointer(handle, option, $0), option) }
  }

  func set(_ option: CURLoption, _ texts: [String]) {
    var list: UnsafeMutablePointer<curl_slist>?
    for text in texts {
      guard let longer = curl_slist_append(list, text) else { preconditionFailure("curl_slist_append: out of memory") }
      list = longer
    }
    if let list { lists.append(list) }
    check(ccurl_set_pointer(handle, option, list), option)
  }

  /// What is sent in the body of a request; libcurl keeps a copy.
  func set(body: [UInt8]) {
    check(ccurl_set_size(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(body.count)), CURLOPT_POSTFIELDSIZE_LARGE)
    body.withUnsafeBytes { bytes in
      // An empty array has no address, and none would mean "read it by callback".
      let start = bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)!
      check(ccurl_set_pointer(handle, CURLOPT_COPYPOSTFIELDS, start), CURLOPT_COPYPOSTFIELDS)
    }
  }

  /// What is uploaded, asked for piece by piece.
  func set(upload: [UInt8]) {
    unsent = upload[...]
    set(CURLOPT_UPLOAD, 1)
    check(ccurl_set_size(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(upload.count)), CURLOPT_INFILESIZE_LARGE)
    ccurl_set_pointer(handle, CURLOPT_READDATA, Unmanaged.passUnretained(self).toOpaque())
    ccurl_set_function(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
      let room = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
      nonisolated(unsafe) let (lent, transfer) = (room, context!)
      return Loop.assumeIsolated { Transfer.from(transfer).send(into: lent) }
    }
  }

  /// The last status the server gave; 0 for none.
  var status: Int {
    var status = 0
    ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    return status
  }

  /// Whether anything of a request has been sent.
  var wasSent: Bool {
    var size = 0
    ccurl_get_long(handle, CURLINFO_REQUEST_SIZE, &size)
    return size > 0
  }

  private func check(_ code: CURLcode, _ option: CURLoption) {
    precondition(
      code == CURLE_OK, "libcurl refuses option \(option.rawValue): \(String(cString: curl_easy_strerror(code)))")
  }

  private func receive(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard received.count + bytes.count <= limit else {
      isTooLarge = true
      return 0
    }
    received.append(contentsOf: bytes)
    return bytes.count
  }

  private func receive(header bytes: UnsafeRawBufferPointer) -> Int {
    let line = String(decoding: bytes, as: UTF8.self)
    if line.hasPrefix("HTTP/") {
      // Of an interim answer (100) and the final one, the last counts.
      headers = []
    } else if let colon = line.firstIndex(of: ":"), headers.count < 256 {
      let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
      headers.append((line[..<colon].lowercased(), String(value.prefix { !$0.isNewline })))
    }
    return bytes.count
  }

  private func send(into room: UnsafeMutableRawBufferPointer) -> Int {
    let piece = unsent.prefix(room.count)
    room.copyBytes(from: piece)
    unsent = unsent.dropFirst(piece.count)
    return piece.count
  }
}

extension Duration {
  /// Whole milliseconds, at least 1: none would mean "no limit" to libcurl.
  fileprivate var milliseconds: Int { max(1, Int(self / .milliseconds(1))) }
}
