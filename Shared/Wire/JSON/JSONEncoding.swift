/// Why a value has no JSON form.
public struct JSONEncodingError: Error, Sendable, CustomStringConvertible {
  /// What has none.
  public let description: String
}

/// Writes `Encodable` values as JSON in UTF-8 (RFC 8259).
///
/// Members keep the order in which the type encodes them. An optional that is nil is written as `null`, so that a reader
/// always finds every member. Slashes are not escaped. Numbers are the shortest text that reads back as the same value.
public enum JSONEncoding {
  /// The bytes of `value`. Throws `JSONEncodingError` for infinities and for what is not a number.
  ///
  /// A type that encodes itself by hand has to finish one container before it goes on with the one around it.
  public static func bytes<Value: Encodable>(of value: Value) throws -> [UInt8] {
    let writer = JSONWriter()
    try writer.write(value)
    return writer.bytes
  }
}

/// The text as it grows. What is open is one bit a level, as in the scanner, and closed when something further out
/// is written.
final class JSONWriter {
  fileprivate(set) var bytes: [UInt8] = []
  private var open: [Bool] = []

  init() { bytes.reserveCapacity(256) }

  /// Writes any value; the tests for the types at hand are made when this is compiled.
  @inline(__always) func write<Value: Encodable>(_ value: Value) throws {
    switch value {
    case let text as String where Value.self == String.self: write(text)
    case let flag as Bool where Value.self == Bool.self: bytes.append(contentsOf: flag ? "true".utf8 : "false".utf8)
    case let number as Int where Value.self == Int.self: write(whole: number)
    case let number as Double where Value.self == Double.self: try write(number)
    default: try writeOther(value)
    }
  }

  private func writeOther<Value: Encodable>(_ value: Value) throws {
    switch value {
    case let number as any FixedWidthInteger: bytes.append(contentsOf: String(describing: number).utf8)
    case let number as Float: try write(Double(String(describing: number)) ?? Double(number))
    default:
      let start = bytes.count
      let depth = open.count
      try value.encode(to: JSONValueEncoder(writer: self, depth: depth))
      close(to: depth)
      // A type without members may ask for no container at all.
      if bytes.count == start { bytes.append(contentsOf: "{}".utf8) }
    }
  }

  fileprivate func writeNull() { bytes.append(contentsOf: "null".utf8) }

  private func write(whole number: Int) {
    if number >= 0, number < 10 {
      bytes.append(UInt8(ascii: "0") + UInt8(number))
    } else {
      bytes.append(contentsOf: String(number).utf8)
    }
  }

  private func write(_ number: Double) throws {
    guard number.isFinite else { throw JSONEncodingError(description: "\(number) has no JSON form") }
    var text = number.description
    if text.hasSuffix(".0") { text.removeLast(2) }
    bytes.append(contentsOf: text.utf8)
  }

  fileprivate func write(_ text: String) { JSONQuoting.append(text, to: &bytes) }

  /// Opens an object or array and returns its depth.
  fileprivate func begin(isObject: Bool) -> Int {
    bytes.append(isObject ? UInt8(ascii: "{") : UInt8(ascii: "["))
    open.append(isObject)
    return open.count
  }

  /// Closes whatever is open beyond `depth`.
  fileprivate func close(to depth: Int) {
    while open.count > depth, let isObject = open.popLast() {
      bytes.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
    }
  }

  /// Goes on in the container at `depth`: closes what was open inside it, and separates.
  fileprivate func separate(at depth: Int) {
    precondition(open.count >= depth, "a container was written to after the one around it had gone on")
    close(to: depth)
    if bytes.last != UInt8(ascii: "{"), bytes.last != UInt8(ascii: "[") { bytes.append(UInt8(ascii: ",")) }
  }

  fileprivate func name(_ name: String, at depth: Int) {
    separate(at: depth)
    write(name)
    bytes.append(UInt8(ascii: ":"))
  }
}

private struct JSONValueEncoder: Encoder, SingleValueEncodingContainer {
  let writer: JSONWriter
  let depth: Int
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    writer.close(to: depth)
    return KeyedEncodingContainer(ObjectEncoder(writer: writer, depth: writer.begin(isObject: true)))
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    writer.close(to: depth)
    return ArrayEncoder(writer: writer, depth: writer.begin(isObject: false))
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }
  func encodeNil() { writer.writeNull() }
  func encode<Value: Encodable>(_ value: Value) throws { try writer.write(value) }
}

private struct ObjectEncoder<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let writer: JSONWriter
  let depth: Int
  var codingPath: [any CodingKey] { [] }

  func encodeNil(forKey key: Key) {
    writer.name(key.stringValue, at: depth)
    writer.writeNull()
  }

  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws {
    writer.name(key.stringValue, at: depth)
    try writer.write(value)
  }

  private func writeOrNull<Value: Encodable>(_ value: Value?, _ key: Key) throws {
    if let value { try encode(value, forKey: key) } else { encodeNil(forKey: key) }
  }

  func encodeIfPresent<Value: Encodable>(_ value: Value?, forKey key: Key) throws { try writeOrNull(value, key) }
  // The compiler's code calls these for the standard types, and would leave nil out.
  func encodeIfPresent(_ value: Bool?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: String?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: Double?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: Float?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: Int?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: Int8?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: Int16?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: Int32?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: Int64?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt8?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt16?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt32?, forKey key: Key) throws { try writeOrNull(value, key) }
  func encodeIfPresent(_ value: UInt64?, forKey key: Key) throws { try writeOrNull(value, key) }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    writer.name(key.stringValue, at: depth)
    return KeyedEncodingContainer(ObjectEncoder<Nested>(writer: writer, depth: writer.begin(isObject: true)))
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    writer.name(key.stringValue, at: depth)
    return ArrayEncoder(writer: writer, depth: writer.begin(isObject: false))
  }

  func superEncoder() -> any Encoder { superEncoder(named: "super") }
  func superEncoder(forKey key: Key) -> any Encoder { superEncoder(named: key.stringValue) }

  private func superEncoder(named name: String) -> any Encoder {
    writer.name(name, at: depth)
    return JSONValueEncoder(writer: writer, depth: depth)
  }
}

private struct ArrayEncoder: UnkeyedEncodingContainer {
  let writer: JSONWriter
  let depth: Int
  private(set) var count = 0
  var codingPath: [any CodingKey] { [] }

  init(writer: JSONWriter, depth: Int) { (self.writer, self.depth) = (writer, depth) }

  private mutating func next() {
    writer.separate(at: depth)
    count += 1
  }

  mutating func encodeNil() {
    next()
    writer.writeNull()
  }

  mutating func encode<Value: Encodable>(_ value: Value) throws {
    next()
    try writer.write(value)
  }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    next()
    return KeyedEncodingContainer(ObjectEncoder<Nested>(writer: writer, depth: writer.begin(isObject: true)))
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    next()
    return ArrayEncoder(writer: writer, depth: writer.begin(isObject: false))
  }

  mutating func superEncoder() -> any Encoder {
    next()
    return JSONValueEncoder(writer: writer, depth: depth)
  }
}
