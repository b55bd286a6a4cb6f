/// Builds one Kafka frame out of the protocol's primitive types, the mirror of `KafkaReader`.
///
/// Record batches are not copied into it: `records(_:)` writes their length and leaves a gap, so that a broker can
/// send them straight from their file. A frame too long for its length field is a bug of the caller and traps.
public struct KafkaWriter: ~Copyable {
  /// The most bytes of UTF-8 a string can have in the protocol.
  public static let maximumString = Int(Int16.max)

  /// Whether strings, bytes and arrays take their compact form and structures end in tagged fields (KIP-482).
  public var isFlexible = false

  private var bytes: [UInt8] = []
  private var gaps: [KafkaFrame.Gap] = []

  /// An empty writer with room for `capacity` bytes before it has to grow.
  public init(capacity: Int = 256) {
    bytes.reserveCapacity(capacity)
  }

  /// What was written, as it is.
  public consuming func finish() -> KafkaFrame {
    KafkaFrame(bytes: bytes, gaps: gaps)
  }

  /// What was written, the first four bytes replaced by the length of all that follows them, gaps included.
  public consuming func finishFrame() -> KafkaFrame {
    let length = gaps.reduce(bytes.count - 4) { $0 + $1.length }
    withUnsafeBytes(of: Int32(length).bigEndian) { bytes.replaceSubrange(0..<4, with: $0) }
    return KafkaFrame(bytes: bytes, gaps: gaps)
  }

  // MARK: Numbers

  /// A big-endian signed integer of one byte.
  public mutating func int8(_ value: Int8) { integer(value) }
  /// A big-endian signed integer of two bytes.
  public mutating func int16(_ value: Int16) { integer(value) }
  /// A big-endian signed integer of four bytes.
  public mutating func int32(_ value: Int32) { integer(value) }
  /// A big-endian signed integer of eight bytes.
  public mutating func int64(_ value: Int64) { integer(value) }
  /// One byte, 1 or 0.
  public mutating func bool(_ value: Bool) { integer(value ? 1 : 0 as Int8) }

  /// A time span of four bytes, in whole milliseconds on the wire, clamped to what fits.
  public mutating func milliseconds(_ value: Duration) { integer(Int32(clamping: value.wholeMilliseconds)) }

  /// A time span of eight bytes, in whole milliseconds on the wire.
  public mutating func longMilliseconds(_ value: Duration) { integer(value.wholeMilliseconds) }

  /// An error code.
  public mutating func error(_ value: KafkaError) { integer(value.rawValue) }

  /// An unsigned integer in one to five bytes, seven bits each, lowest first (KIP-482).
  public mutating func unsignedVarint(_ value: UInt32) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  // MARK: Strings and bytes

  /// A string, nil as null. What goes beyond `maximumString` bytes is cut off: an answer that repeats a client's words
  /// must not be a way to stop the broker.
  public mutating func string(_ value: String?) {
    guard let value else {
      if isFlexible { unsignedVarint(0) } else { int16(-1) }
      return
    }
    guard value.utf8.count <= Self.maximumString else {
      // A character cut in two becomes U+FFFD, which may take three bytes where one was.
      string(String(decoding: value.utf8.prefix(Self.maximumString - 2), as: UTF8.self))
      return
    }
    if isFlexible { compactLength(value.utf8.count) } else { int16(Int16(value.utf8.count)) }
    bytes.append(contentsOf: value.utf8)
  }

  /// Length-prefixed bytes.
  public mutating func bytes(_ value: [UInt8]) {
    length(value.count)
    bytes.append(contentsOf: value)
  }

  /// The length of record batches, nil as null, and a gap where the batches go. Only the length of the range matters.
  public mutating func records(_ range: Range<Int>?) {
    length(range?.count)
    if let range, !range.isEmpty {
      gaps.append(KafkaFrame.Gap(offset: bytes.count, length: range.count))
    }
  }

  // MARK: Arrays

  /// An array of 32-bit integers.
  public mutating func int32s(_ values: [Int32]) {
    length(values.count)
    for value in values { int32(value) }
  }

  /// An array of strings, nil as null.
  public mutating func strings(_ values: [String]?) {
    length(values?.count)
    for value in values ?? [] { string(value) }
  }

  mutating func array(_ elements: [some KafkaFields]?, version: Int16) {
    length(elements?.count)
    for element in elements ?? [] { element.encode(into: &self, version: version) }
  }

  // MARK: Tagged fields

  /// Ends a flexible structure that has no tagged fields to send; writes nothing in other messages.
  public mutating func noTaggedFields() {
    if isFlexible { unsignedVarint(0) }
  }

  // MARK: Parts

  private mutating func integer<Integer: FixedWidthInteger>(_ value: Integer) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// The length of bytes or of an array, nil as null.
  private mutating func length(_ length: Int?) {
    if isFlexible { compactLength(length) } else { int32(length.map { Int32($0) } ?? -1) }
  }

  private mutating func compactLength(_ length: Int?) {
    unsignedVarint(length.map { UInt32($0 + 1) } ?? 0)
  }
}

/// An encoded frame: its bytes, and the gaps between them where the sender puts record batches.
///
/// On the socket it is `bytes` up to the first gap's offset, then the batches of that gap, then `bytes` up to the
/// next gap, and so on to the end of `bytes`.
public struct KafkaFrame: Hashable, Sendable {
  /// A place for record batches of one partition. Null and empty records leave no gap, so gap *n* belongs to the
  /// *n*th partition of the message that has any.
  public struct Gap: Hashable, Sendable {
    /// How many of the frame's `bytes` come before the batches.
    public let offset: Int
    /// How many bytes the batches have.
    public let length: Int
  }

  /// Everything but the record batches, the four bytes of the frame's length first.
  public let bytes: [UInt8]
  /// Where record batches go, in order.
  public let gaps: [Gap]

  /// How many bytes the frame has on the socket, record batches included.
  public var count: Int { gaps.reduce(bytes.count) { $0 + $1.length } }

  /// The frame in one piece; `records` are the batches of each gap, in order and of the announced lengths.
  public func filled(with records: [[UInt8]]) -> [UInt8] {
    precondition(records.map(\.count) == gaps.map(\.length), "record batches do not have the announced lengths")
    var whole: [UInt8] = []
    whole.reserveCapacity(count)
    var sent = 0
    for (gap, batches) in zip(gaps, records) {
      whole += bytes[sent..<gap.offset]
      whole += batches
      sent = gap.offset
    }
    return whole + bytes[sent...]
  }
}

extension Duration {
  /// Rounded towards zero, and to the nearest that fits 64 bits.
  fileprivate var wholeMilliseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
    let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000_000_000)
    guard !overflow, !carry else { return seconds < 0 ? .min : .max }
    return sum
  }
}
