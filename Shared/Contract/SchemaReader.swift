/// A decoder that decodes nothing: it notes what a type asks for, and answers with samples.
final class SchemaReader: Decoder {
  let codingPath: [any CodingKey] = []
  let userInfo: [CodingUserInfoKey: Any] = [:]
  fileprivate(set) var schema: Schema?

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    if schema == nil { schema = .object([]) }
    return KeyedDecodingContainer(Properties(reader: self))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    throw SchemaError(description: "a type that decodes itself from an unnamed list must be Described")
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { SingleValue(reader: self) }

  fileprivate func note(_ name: String, _ schema: Schema, isRequired: Bool) {
    let property = Schema.Property(name, schema, isRequired: isRequired)
    self.schema = .object((self.schema?.properties ?? []).filter { $0.name != name } + [property])
  }
}

private struct Properties<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let reader: SchemaReader
  let codingPath: [any CodingKey] = []
  let allKeys: [Key] = []

  func contains(_ key: Key) -> Bool { true }

  func decodeNil(forKey key: Key) throws -> Bool { false }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    let (schema, sample) = try Schema.describe(type)
    if case .optional(let wrapped) = schema {
      reader.note(key.stringValue, wrapped, isRequired: false)
    } else {
      reader.note(key.stringValue, schema, isRequired: true)
    }
    return sample
  }

  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
    reader.note(key.stringValue, try Schema(of: type), isRequired: false)
    return nil
  }

  // The compiler's code calls these for the standard types; each has to be named to be seen.
  func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try optional(type, key) }
  func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try optional(type, key) }
  func decodeIfPresent(_ type: Double.Type, forKey key: Key) throws -> Double? { try optional(type, key) }
  func decodeIfPresent(_ type: Float.Type, forKey key: Key) throws -> Float? { try optional(type, key) }
  func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try optional(type, key) }
  func decodeIfPresent(_ type: Int16.Type, forKey key: Key) throws -> Int16? { try optional(type, key) }
  func decodeIfPresent(_ type: Int32.Type, forKey key: Key) throws -> Int32? { try optional(type, key) }
  func decodeIfPresent(_ type: Int64.Type, forKey key: Key) throws -> Int64? { try optional(type, key) }

  private func optional<Value: Decodable>(_ type: Value.Type, _ key: Key) throws -> Value? {
    reader.note(key.stringValue, try Schema(of: type), isRequired: false)
    return nil
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    throw SchemaError(description: "a type that decodes nested values by hand must be Described")
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try reader.unkeyedContainer()
  }

  func superDecoder() throws -> any Decoder { reader }
  func superDecoder(forKey key: Key) throws -> any Decoder { reader }
}

private struct SingleValue: SingleValueDecodingContainer {
  let reader: SchemaReader
  let codingPath: [any CodingKey] = []

  func decodeNil() -> Bool { false }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    if let (schema, sample) = Self.primitive(type) {
      reader.schema = schema
      guard let value = sample as? Value else { throw SchemaError(description: "no sample of \(type)") }
      return value
    }
    let (schema, sample) = try Schema.describe(type)
    reader.schema = schema
    return sample
  }

  private static func primitive(_ type: any Decodable.Type) -> (Schema, Any)? {
    switch type {
    case is String.Type: (.string(), "")
    case is Bool.Type: (.boolean, false)
    case is Double.Type: (.number(), 0.0)
    case is Float.Type: (.number(), Float(0))
    case let integer as any FixedWidthInteger.Type: (.integer(), integer.zero)
    default: nil
    }
  }
}
