/// Writes the parts of a `GroupRecord`.
struct RecordWriter {
  private(set) var bytes: [UInt8] = []

  mutating func integer<Integer: FixedWidthInteger>(_ value: Integer) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func blob(_ value: [UInt8]) {
    integer(UInt32(value.count))
    bytes.append(contentsOf: value)
  }

  mutating func text(_ value: String) {
    integer(UInt32(value.utf8.count))
    bytes.append(contentsOf: value.utf8)
  }

  /// In whole milliseconds, which is what the protocol's timeouts come in.
  mutating func duration(_ value: Duration) {
    integer(Int64(value / .milliseconds(1)))
  }

  mutating func list<Element>(_ elements: [Element], _ write: (inout RecordWriter, Element) -> Void) {
    integer(UInt32(elements.count))
    for element in elements { write(&self, element) }
  }
}

/// Reads the parts of a `GroupRecord` and checks each before it is used.
struct RecordReader {
  private let bytes: [UInt8]
  private var position = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  private mutating func take(_ count: Int) throws(GroupRecordError) -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw .truncated(offset: position, needed: count) }
    defer { position += count }
    return bytes[position..<position + count]
  }

  mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type) throws(GroupRecordError) -> Integer {
    let taken = try take(Integer.bitWidth / 8)
    return taken.reduce(0 as Integer) { ($0 << 8) | Integer(truncatingIfNeeded: $1) }
  }

  mutating func blob() throws(GroupRecordError) -> [UInt8] {
    let count = try integer(UInt32.self)
    return Array(try take(Int(count)))
  }

  mutating func text() throws(GroupRecordError) -> String {
    let start = position
    guard let text = String(validating: try blob(), as: UTF8.self) else { throw .notUTF8(offset: start) }
    return text
  }

  mutating func flag() throws(GroupRecordError) -> Bool {
    let start = position
    switch try integer(UInt8.self) {
    case 0: return false
    case 1: return true
    case let other: throw .malformed(offset: start, "\(other) where 0 or 1 should be")
    }
  }

  mutating func duration() throws(GroupRecordError) -> Duration {
    let start = position
    let milliseconds = try integer(Int64.self)
    guard (0...Int64(Int32.max)).contains(milliseconds) else {
      throw .malformed(offset: start, "a duration of \(milliseconds) ms")
    }
    return .milliseconds(milliseconds)
  }

  /// An element takes at least a byte, so a count can promise no more than there are bytes left.
  mutating func list<Element>(
    _ read: (inout RecordReader) throws(GroupRecordError) -> Element
  ) throws(GroupRecordError) -> [Element] {
    let count = Int(try integer(UInt32.self))
    guard count <= bytes.count - position else { throw .truncated(offset: position, needed: count) }
    var elements: [Element] = []
    for _ in 0..<count { elements.append(try read(&self)) }
    return elements
  }

  func end() throws(GroupRecordError) {
    if position < bytes.count { throw .trailingBytes(bytes.count - position) }
  }
}
