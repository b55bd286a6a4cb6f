/// A cursor over one Kafka frame that reads the protocol's primitive types (Kafka protocol guide, "Protocol Primitive
/// Types"; KIP-482 for the flexible ones) and never reads past the end.
///
/// It borrows the frame's memory: make it where the memory is at hand, and let it go before the memory does. Every
/// length and count is checked against what is left before anything is allocated.
public struct KafkaReader: ~Copyable {
  /// The most array elements one frame may hold, over all its arrays; far above any real request, and low enough that
  /// a frame of empty strings cannot fill the memory.
  public static let maximumElements = 1_000_000

  /// Whether strings, bytes and arrays are in their compact form and structures end in tagged fields (KIP-482).
  public var isFlexible = false
  /// How many bytes were read so far; also the place of the next field in the frame.
  public private(set) var offset = 0

  private let frame: UnsafeRawBufferPointer
  private var elementsLeft = KafkaReader.maximumElements

  /// A reader at the start of `frame`, which must outlive it.
  public init(_ frame: UnsafeRawBufferPointer) {
    self.frame = frame
  }

  /// How many bytes are left.
  public var remaining: Int { frame.count - offset }

  /// Checks that the whole frame was read.
  public func expectEnd() throws(KafkaDecodingError) {
    guard remaining == 0 else { throw KafkaDecodingError(.trailingBytes(remaining), at: offset) }
  }

  // MARK: Numbers

  /// A big-endian signed integer of one byte.
  public mutating func int8() throws(KafkaDecodingError) -> Int8 { try integer() }
  /// A big-endian signed integer of two bytes.
  public mutating func int16() throws(KafkaDecodingError) -> Int16 { try integer() }
  /// A big-endian signed integer of four bytes.
  public mutating func int32() throws(KafkaDecodingError) -> Int32 { try integer() }
  /// A big-endian signed integer of eight bytes.
  public mutating func int64() throws(KafkaDecodingError) -> Int64 { try integer() }
  /// One byte; anything but zero is true.
  public mutating func bool() throws(KafkaDecodingError) -> Bool { try int8() != 0 }

  /// A time span of four bytes, in milliseconds on the wire; negative ones are passed on.
  public mutating func milliseconds() throws(KafkaDecodingError) -> Duration {
    .milliseconds(try int32())
  }

  /// A time span of eight bytes, in milliseconds on the wire; negative ones are passed on.
  public mutating func longMilliseconds() throws(KafkaDecodingError) -> Duration {
    .milliseconds(try int64())
  }

  /// An error code; a code this module does not know becomes `.unknownServerError`.
  public mutating func error() throws(KafkaDecodingError) -> KafkaError {
    KafkaError(rawValue: try int16()) ?? .unknownServerError
  }

  /// An unsigned integer of at most 32 bits in one to five bytes, seven bits each, lowest first (KIP-482).
  public mutating func unsignedVarint() throws(KafkaDecodingError) -> UInt32 {
    let start = offset
    var value: UInt32 = 0
    for shift in stride(from: 0, to: 35, by: 7) {
      let byte = UInt8(bitPattern: try int8())
      if shift == 28, byte > 0x0f { break }
      value |= UInt32(byte & 0x7f) << shift
      if byte < 0x80 { return value }
    }
    throw KafkaDecodingError(.varintTooLong, at: start)
  }

  // MARK: Strings and bytes

  /// A string that must be there.
  public mutating func string() throws(KafkaDecodingError) -> String {
    let start = offset
    guard let string = try nullableString() else { throw KafkaDecodingError(.unexpectedNull, at: start) }
    return string
  }

  /// A string, or nil for null.
  public mutating func nullableString() throws(KafkaDecodingError) -> String? {
    let start = offset
    let length = isFlexible ? try compactLength() : try nullable(Int(int16()), at: start)
    guard let length else { return nil }
    let bytes = UnsafeRawBufferPointer(rebasing: frame[try take(length)])
    guard let string = String(validating: bytes, as: UTF8.self) else {
      throw KafkaDecodingError(.invalidUTF8, at: start)
    }
    return string
  }

  /// Bytes that must be there.
  public mutating func bytes() throws(KafkaDecodingError) -> [UInt8] {
    let start = offset
    guard let range = try byteRange() else { throw KafkaDecodingError(.unexpectedNull, at: start) }
    return [UInt8](frame[range])
  }

  /// Where length-prefixed bytes lie in the frame, or nil for null; nothing is copied.
  public mutating func byteRange() throws(KafkaDecodingError) -> Range<Int>? {
    guard let length = try length() else { return nil }
    return try take(length)
  }

  // MARK: Arrays

  /// An array of 32-bit integers that must be there.
  public mutating func int32s() throws(KafkaDecodingError) -> [Int32] {
    try array { reader throws(KafkaDecodingError) in try reader.int32() }
  }

  /// An array of strings that must be there.
  public mutating func strings() throws(KafkaDecodingError) -> [String] {
    try array { reader throws(KafkaDecodingError) in try reader.string() }
  }

  /// An array of strings, or nil for null.
  public mutating func nullableStrings() throws(KafkaDecodingError) -> [String]? {
    try nullableArray { reader throws(KafkaDecodingError) in try reader.string() }
  }

  /// An array that must be there, each element read by `element`.
  public mutating func array<Element>(
    _ element: (inout KafkaReader) throws(KafkaDecodingError) -> Element
  ) throws(KafkaDecodingError) -> [Element] {
    let start = offset
    guard let array = try nullableArray(element) else { throw KafkaDecodingError(.unexpectedNull, at: start) }
    return array
  }

  /// An array, or nil for null, each element read by `element`, which reads at least one byte.
  public mutating func nullableArray<Element>(
    _ element: (inout KafkaReader) throws(KafkaDecodingError) -> Element
  ) throws(KafkaDecodingError) -> [Element]? {
    let start = offset
    guard let count = try length() else { return nil }
    try claimElements(count, at: start)
    var elements: [Element] = []
    // The count is a claim until the elements were read, so it reserves little.
    elements.reserveCapacity(min(count, 64))
    for _ in 0..<count { elements.append(try element(&self)) }
    return elements
  }

  mutating func array<Element: KafkaFields>(version: Int16) throws(KafkaDecodingError) -> [Element] {
    try array { reader throws(KafkaDecodingError) in try Element(decoding: &reader, version: version) }
  }

  mutating func nullableArray<Element: KafkaFields>(version: Int16) throws(KafkaDecodingError) -> [Element]? {
    try nullableArray { reader throws(KafkaDecodingError) in try Element(decoding: &reader, version: version) }
  }

  // MARK: Tagged fields

  /// Skips the tagged fields that end every flexible structure; outside flexible messages there are none.
  public mutating func skipTaggedFields() throws(KafkaDecodingError) {
    guard isFlexible else { return }
    let start = offset
    let count = Int(try unsignedVarint())
    try claimElements(count, at: start)
    for _ in 0..<count {
      _ = try unsignedVarint()
      _ = try take(Int(try unsignedVarint()))
    }
  }

  // MARK: Checks

  /// Steps over the next `count` bytes and says where they are.
  private mutating func take(_ count: Int) throws(KafkaDecodingError) -> Range<Int> {
    guard count <= remaining else {
      throw KafkaDecodingError(.truncated(needed: count, left: remaining), at: offset)
    }
    defer { offset += count }
    return offset..<offset + count
  }

  private mutating func integer<Integer: FixedWidthInteger>() throws(KafkaDecodingError) -> Integer {
    let range = try take(MemoryLayout<Integer>.size)
    return Integer(bigEndian: frame.loadUnaligned(fromByteOffset: range.lowerBound, as: Integer.self))
  }

  /// The length of bytes or of an array; nil for null.
  private mutating func length() throws(KafkaDecodingError) -> Int? {
    let start = offset
    return isFlexible ? try compactLength() : try nullable(Int(int32()), at: start)
  }

  private mutating func compactLength() throws(KafkaDecodingError) -> Int? {
    let lengthPlusOne = Int(try unsignedVarint())
    return lengthPlusOne == 0 ? nil : lengthPlusOne - 1
  }

  private func nullable(_ length: Int, at start: Int) throws(KafkaDecodingError) -> Int? {
    guard length >= -1 else { throw KafkaDecodingError(.negativeLength(length), at: start) }
    return length == -1 ? nil : length
  }

  private mutating func claimElements(_ count: Int, at start: Int) throws(KafkaDecodingError) {
    guard count <= remaining, count <= elementsLeft else {
      throw KafkaDecodingError(.tooManyElements(count), at: start)
    }
    elementsLeft -= count
  }
}
