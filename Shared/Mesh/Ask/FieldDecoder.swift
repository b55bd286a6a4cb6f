import Contract
import Wire

/// The fields that were found to be wrong so far.
///
/// A field is noted where it is found, with an empty pointer; whoever decoded the value around it puts the name in front.
/// So nothing is spent on pointers while all is well.
final class FieldErrors {
  private(set) var fields: [Problem.Field] = []

  /// Stops the decoding of a value that is noted already.
  struct Noted: Error {}

  func note(_ code: String, _ detail: String) {
    guard fields.count < FieldDecoding.errorLimit else { return }
    fields.append(Problem.Field(pointer: "", code: code, detail: detail))
  }

  func prefix(from first: Int, with pointer: String) {
    for index in first..<fields.count { fields[index].pointer = pointer + fields[index].pointer }
  }

  /// Runs `body` and notes what it throws, unless something inside was noted already: the cause, not its consequence.
  func attempt<Value>(_ body: () throws -> Value) -> Value? {
    let before = fields.count
    do {
      return try body()
    } catch {
      if fields.count == before, !(error is Noted) { note(error, of: Value.self) }
      return nil
    }
  }

  private func note(_ error: any Error, of type: Any.Type) {
    switch error {
    case let invalid as InvalidValue: note(invalid.code, invalid.detail)
    case DecodingError.dataCorrupted(let context):
      if let decodable = type as? any Decodable.Type, case .choice(let words)? = try? Schema(of: decodable) {
        note("choice", "must be one of \(words.joined(separator: ", "))")
      } else {
        note("invalid", context.debugDescription)
      }
    default: note("invalid", "is not acceptable")
    }
  }
}

struct FieldDecoder: Decoder, SingleValueDecodingContainer {
  private let source: FieldSource
  private let errors: FieldErrors
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ source: FieldSource, _ errors: FieldErrors) { (self.source, self.errors) = (source, errors) }

  private func mismatch(_ expected: String) -> any Error {
    source.isNull
      ? InvalidValue("required", "must not be null") : InvalidValue("type", "must be \(expected)")
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard source.isObject else { throw mismatch("an object") }
    return KeyedDecodingContainer(FieldsContainer(source, errors))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard let elements = source.elements else { throw mismatch("a list") }
    return ElementsContainer(elements, errors)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }
  func decodeNil() -> Bool { source.isNull }

  @inline(__always) func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    guard let expected = Self.scalarName(type) else { return try Value(from: self) }
    guard let value = try source.scalar(type) else { throw mismatch(expected) }
    return value
  }

  @inline(__always) private static func scalarName<Value>(_ type: Value.Type) -> String? {
    if type == String.self { return "a string" }
    if type == Bool.self { return "true or false" }
    if type == Double.self || type == Float.self { return "a number" }
    return type is any FixedWidthInteger.Type ? "a whole number" : nil
  }
}

private struct FieldsContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let source: FieldSource
  private let errors: FieldErrors
  /// For objects with many members, which would take long to look through again and again.
  private let index: [String: JSONValue]?
  var codingPath: [any CodingKey] { [] }

  init(_ source: FieldSource, _ errors: FieldErrors) {
    (self.source, self.errors) = (source, errors)
    if case .json(let value) = source, value.count > 32 {
      index = Dictionary(value.members.map { ($0.name, $0.value) }) { first, _ in first }
    } else {
      index = nil
    }
  }

  private func member(_ key: Key) -> FieldSource? {
    if let index { return index[key.stringValue].map { .json($0) } }
    return source.member(key.stringValue)
  }

  var allKeys: [Key] { source.names.compactMap { Key(stringValue: $0) } }
  func contains(_ key: Key) -> Bool { member(key) != nil }
  func decodeNil(forKey key: Key) -> Bool { member(key)?.isNull ?? true }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    let before = errors.fields.count
    let value = errors.attempt { () throws -> Value in
      guard let member = member(key) else {
        // An optional that is decoded by hand is nil when it is missing.
        if let optional = type as? any ExpressibleByNilLiteral.Type, let none = optional.init(nilLiteral: ()) as? Value
        {
          return none
        }
        throw InvalidValue("required", "must be given")
      }
      return try FieldDecoder(member, errors).decode(type)
    }
    guard errors.fields.count > before || value == nil else { return value! }
    errors.prefix(from: before, with: source.pointer(to: key.stringValue))
    guard let stand = try? value ?? Schema.sample(of: type) else { throw FieldErrors.Noted() }
    return stand
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    try superDecoder(forKey: key).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try superDecoder(forKey: key).unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { FieldDecoder(source, errors) }

  func superDecoder(forKey key: Key) throws -> any Decoder {
    guard let member = member(key) else { throw InvalidValue("required", "must have a member \(key.stringValue)") }
    return FieldDecoder(member, errors)
  }
}

private struct ElementsContainer: UnkeyedDecodingContainer {
  private let elements: [FieldSource]
  private let errors: FieldErrors
  private(set) var currentIndex = 0
  var codingPath: [any CodingKey] { [] }

  init(_ elements: [FieldSource], _ errors: FieldErrors) { (self.elements, self.errors) = (elements, errors) }

  var count: Int? { elements.count }
  var isAtEnd: Bool { currentIndex == elements.count }

  private mutating func next() throws -> FieldSource {
    guard !isAtEnd else { throw InvalidValue("too_short", "must have at least \(currentIndex + 1) elements") }
    currentIndex += 1
    return elements[currentIndex - 1]
  }

  mutating func decodeNil() -> Bool {
    guard !isAtEnd, elements[currentIndex].isNull else { return false }
    currentIndex += 1
    return true
  }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    let before = errors.fields.count
    let position = currentIndex
    let element = try next()
    let value = errors.attempt { () throws in try FieldDecoder(element, errors).decode(type) }
    guard errors.fields.count > before || value == nil else { return value! }
    errors.prefix(from: before, with: "/\(position)")
    guard let stand = try? value ?? Schema.sample(of: type) else { throw FieldErrors.Noted() }
    return stand
  }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
    try FieldDecoder(next(), errors).container(keyedBy: type)
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try FieldDecoder(next(), errors).unkeyedContainer()
  }

  mutating func superDecoder() throws -> any Decoder { FieldDecoder(try next(), errors) }
}
