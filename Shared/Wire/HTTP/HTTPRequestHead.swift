/// The request line and headers of one request: its bytes as they came, and where in them each thing stands.
///
/// Everything framing needs is decided when it is handed out: there is one reading of it. Header names compare
/// without regard to case; no `String` is made unless asked for.
public struct HTTPRequestHead: Sendable {
  /// What is asked to be done.
  public internal(set) var method = HTTPMethod.get
  /// The version it was sent in; a 1.0 client understands neither chunks nor 100 (Continue).
  public internal(set) var version = HTTPVersion.http11
  /// How it lies on the connection.
  public internal(set) var framing = HTTPFraming()

  var bytes: [UInt8] = []
  var fields: [Field] = []
  var target = Extent(0..<0)
  /// The target from its path on: all of it, but for the absolute form.
  var pathAndQuery = Extent(0..<0)
  /// The host the target names, in the absolute form.
  var targetHost = Extent(0..<0)

  /// Where in `bytes` something stands. A head is below 64 KiB (`HTTPLimits`), so 16 bits do.
  struct Extent: Sendable {
    private let start: UInt16
    private let end: UInt16

    init(_ range: Range<Int>) { (start, end) = (UInt16(range.lowerBound), UInt16(range.upperBound)) }

    var range: Range<Int> { Int(start)..<Int(end) }
    var isEmpty: Bool { start == end }
  }

  /// Where one header stands.
  struct Field: Sendable {
    let name: Extent
    let value: Extent
  }

  /// The target exactly as it was sent.
  public var rawTarget: String { text(target.range) }

  /// The number of header lines.
  public var headerCount: Int { fields.count }

  /// The value of header `name`; its lines joined by a comma when there are several (RFC 9110 §5.3). Bytes that are
  /// not UTF-8 come as U+FFFD.
  public subscript(name: StaticString) -> String? {
    var joined: String?
    for field in fields where bytes.span.extracting(field.name.range).equalsIgnoringCase(name) {
      joined = joined.map { $0 + ", " + text(field.value.range) } ?? text(field.value.range)
    }
    return joined
  }

  /// Hands the bytes of the first header called `name` to `body`; nil when there is none.
  public func withValue<Result>(_ name: StaticString, _ body: (Span<UInt8>) -> Result) -> Result? {
    for field in fields where bytes.span.extracting(field.name.range).equalsIgnoringCase(name) {
      return body(bytes.span.extracting(field.value.range))
    }
    return nil
  }

  /// Whether the comma-separated list in header `name` holds `token`, in any case.
  public func lists(_ token: StaticString, in name: StaticString) -> Bool {
    for field in fields where bytes.span.extracting(field.name.range).equalsIgnoringCase(name) {
      if listsToken(token, in: field.value.range) { return true }
    }
    return false
  }

  func listsToken(_ token: StaticString, in value: Range<Int>) -> Bool {
    let span = bytes.span
    var start = value.lowerBound
    while start < value.upperBound {
      var end = start
      while end < value.upperBound, span[end] != UInt8(ascii: ",") { end += 1 }
      if span.extracting(span.trimmed(start..<end)).equalsIgnoringCase(token) { return true }
      start = end + 1
    }
    return false
  }

  private func text(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }
}
