import CCurl
import EventLoop

/// One transfer: the owner of a libcurl handle, with what it sends and has received.
@Loop final class Transfer {
  /// What is set before it starts.
  let handle: UnsafeMutableRawPointer
  private var lists: [StringList] = []
  private let limit: Int
  private(set) var received: [UInt8] = []
  private(set) var headers: [(name: String, value: String)] = []
  private(set) var isTooLarge = false
  private var reader: ((Int, UnsafeMutableRawBufferPointer) -> Int)?
  private var sent = 0
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
    let list = StringList(texts)
    lists.append(list)
    check(ccurl_set_pointer(handle, option, list.pointer), option)
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

  /// What is sent in the body of a request, of which `length` bytes are read while they are sent.
  func set(length: Int, reader: @escaping (Int, UnsafeMutableRawBufferPointer) -> Int) {
    self.reader = reader
    set(CURLOPT_UPLOAD, 1)
    check(ccurl_set_size(handle, CURLOPT_INFILESIZE_LARGE, curl_off_t(length)), CURLOPT_INFILESIZE_LARGE)
    ccurl_set_pointer(handle, CURLOPT_READDATA, Unmanaged.passUnretained(self).toOpaque())
    ccurl_set_function(handle, CURLOPT_READFUNCTION) { bytes, size, count, context in
      let buffer = UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
      nonisolated(unsafe) let (lent, transfer) = (buffer, context!)
      return Loop.assumeIsolated { Transfer.from(transfer).read(into: lent) }
    }
  }

  private func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = reader?(sent, buffer) ?? 0
    sent += count
    return count
  }

  /// The last status the server gave; 0 for none.
  var status: Int {
    var status = 0
    ccurl_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    return status
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
}

extension Duration {
  /// Whole milliseconds, at least 1: none would mean "no limit" to libcurl.
  var milliseconds: Int { max(1, Int(self / .milliseconds(1))) }
}

/// The owner of one of libcurl's lists of texts.
final class StringList {
  private(set) var pointer: UnsafeMutablePointer<curl_slist>?

  init(_ texts: [String]) {
    for text in texts {
      guard let longer = curl_slist_append(pointer, text) else {
        preconditionFailure("curl_slist_append: out of memory")
      }
      pointer = longer
    }
  }

  deinit { curl_slist_free_all(pointer) }
}
