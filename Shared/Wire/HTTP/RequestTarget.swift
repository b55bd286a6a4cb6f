/// A request's target taken apart and decoded: what it asks for, in one reading only.
///
/// Anything a second decoding, a file system or another server could read otherwise is refused: dot segments, empty
/// segments, encoded slashes and control characters, escapes that are no escapes, bytes that are no UTF-8.
public struct RequestTarget: Hashable, Sendable {
  /// One `name=value` of the query.
  public struct Parameter: Hashable, Sendable {
    /// What stands before the first `=`, decoded.
    public let name: String
    /// What stands behind it, decoded; empty when there is no `=`.
    public let value: String
  }

  /// The decoded segments of the path: `/api/v1` is `["api", "v1"]`; `/` is empty, as is the `*` of OPTIONS.
  public private(set) var segments: [String] = []
  /// Whether the path ends in a slash behind its last segment.
  public private(set) var endsInSlash = false
  /// The query's parameters in their order, decoded as HTML forms are: `+` is a space. Empty ones are left out.
  public private(set) var query: [Parameter] = []

  /// The target of `head`.
  ///
  /// - Throws: what in the path or the query is refused; the connection stays good.
  public init(_ head: HTTPRequestHead) throws(HTTPRefusal) {
    try self.init(head.bytes.span.extracting(head.pathAndQuery.range))
  }

  /// A target in origin form, or the path and query of any other.
  public init(_ target: String) throws(HTTPRefusal) {
    let bytes = Array(target.utf8)
    guard bytes.span.all(\.isTargetCharacter) else { throw .malformedTarget }
    try self.init(bytes.span)
  }

  private init(_ span: Span<UInt8>) throws(HTTPRefusal) {
    let mark = span.indices.first { span[$0] == UInt8(ascii: "?") } ?? span.count
    if mark > 0, !(mark == 1 && span[0] == UInt8(ascii: "*")) { try readPath(span.extracting(0..<mark)) }
    if mark < span.count { try readQuery(span.extracting(mark + 1..<span.count)) }
  }

  /// The first value of query parameter `name`.
  public func first(_ name: String) -> String? { query.first { $0.name == name }?.value }

  private mutating func readPath(_ span: Span<UInt8>) throws(HTTPRefusal) {
    guard span[0] == .slash, span.all({ $0.isPathCharacter || $0 == .slash }) else { throw .malformedTarget }
    var start = 1
    while start < span.count {
      let end = (start..<span.count).first { span[$0] == .slash } ?? span.count
      guard end > start else { throw .emptySegment }
      let segment = try Self.decode(span.extracting(start..<end), inQuery: false)
      guard segment != ".", segment != ".." else { throw .dotSegment }
      segments.append(segment)
      endsInSlash = end < span.count
      start = end + 1
    }
  }

  /// The characters of a query are not held to RFC 3986: browsers send brackets, braces and bars as they are.
  private mutating func readQuery(_ span: Span<UInt8>) throws(HTTPRefusal) {
    var start = 0
    while start < span.count {
      let end = (start..<span.count).first { span[$0] == UInt8(ascii: "&") } ?? span.count
      if end > start {
        let equals = (start..<end).first { span[$0] == UInt8(ascii: "=") } ?? end
        let name = try Self.decode(span.extracting(start..<equals), inQuery: true)
        let value = try Self.decode(span.extracting(min(equals + 1, end)..<end), inQuery: true)
        query.append(Parameter(name: name, value: value))
      }
      start = end + 1
    }
  }

  private static func decode(_ span: Span<UInt8>, inQuery: Bool) throws(HTTPRefusal) -> String {
    var decoded: [UInt8] = []
    decoded.reserveCapacity(span.count)
    var index = 0
    while index < span.count {
      var byte = span[index]
      if byte == UInt8(ascii: "%") {
        guard index + 2 < span.count, let high = span[index + 1].hexadecimal, let low = span[index + 2].hexadecimal
        else { throw .malformedEscape }
        byte = high << 4 | low
        index += 2
        // A query may hold line breaks and slashes, as text does; nothing may hold NUL.
        if byte == 0 || !inQuery && (byte < .space || byte == 0x7F) { throw .encodedControl }
        if !inQuery, byte == .slash || byte == UInt8(ascii: "\\") { throw .encodedSlash }
      } else if inQuery, byte == UInt8(ascii: "+") {
        byte = .space
      }
      decoded.append(byte)
      index += 1
    }
    guard let text = String(validating: decoded, as: UTF8.self) else { throw .targetNotUTF8 }
    return text
  }
}
