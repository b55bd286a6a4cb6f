/// What a change says about a field: a field that is not there stays as it is, `null` takes its value away.
public enum Edit<Value: Codable & Sendable & Equatable>: Codable, Sendable, Equatable {
  /// It stays as it is.
  case keep
  /// It has no value any more.
  case clear
  /// It has this one.
  case set(Value)

  /// The value after the change, which was `old` before.
  public func applied(to old: Value?) -> Value? {
    switch self {
    case .keep: old
    case .clear: nil
    case .set(let value): value
    }
  }

  /// The new value, if one is given.
  public var value: Value? { applied(to: nil) }

  /// Reads a value or null; whether the field is there, only the object around it knows.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    self = container.decodeNil() ? .clear : .set(try container.decode(Value.self))
  }

  /// Writes the value or null.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    if let value { try container.encode(value) } else { try container.encodeNil() }
  }
}

// The compiler's code for types with such fields finds these before the general ones.
extension KeyedDecodingContainer {
  /// Reads a change of a field; `keep` when the field is not there.
  public func decode<Value>(_ type: Edit<Value>.Type, forKey key: Key) throws -> Edit<Value> {
    guard contains(key) else { return .keep }
    return try decodeIfPresent(Value.self, forKey: key).map { .set($0) } ?? .clear
  }
}

extension KeyedEncodingContainer {
  /// Writes a change of a field; nothing for `keep`.
  public mutating func encode<Value>(_ edit: Edit<Value>, forKey key: Key) throws {
    switch edit {
    case .keep: break
    case .clear: try encodeNil(forKey: key)
    case .set(let value): try encode(value, forKey: key)
    }
  }
}
