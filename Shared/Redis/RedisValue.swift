import CRedis

/// What Redis answers.
public enum RedisValue: Sendable, Hashable {
  /// Nothing: the key does not exist, or the condition was not met.
  case null
  /// A whole number.
  case integer(Int64)
  /// A word about what was done, as `OK`.
  case status(String)
  /// A string of any bytes.
  case bytes([UInt8])
  /// Several values.
  case array([RedisValue])
  /// An error in the place of a value, inside an array. As an answer of its own it is thrown.
  case error(String)

  /// Copies a reply of hiredis. Depth is limited by its reader (9 levels).
  init(_ reply: redisReply) {
    func text() -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: reply.str, count: reply.len) }
    switch reply.type {
    case REDIS_REPLY_INTEGER: self = .integer(reply.integer)
    case REDIS_REPLY_STATUS: self = .status(String(decoding: text(), as: UTF8.self))
    case REDIS_REPLY_STRING: self = .bytes([UInt8](text()))
    case REDIS_REPLY_ERROR: self = .error(String(decoding: text(), as: UTF8.self))
    case REDIS_REPLY_ARRAY:
      self = .array((0..<reply.elements).map { reply.element[$0].map { RedisValue($0.pointee) } ?? .null })
    default: self = .null
    }
  }

  /// Reads the value as `type`: a number also from its digits, text also from a status.
  ///
  /// Throws `RedisError` of kind `decoding`, or of kind `server` when an error stands in the place of a value.
  public func decode<Value: RedisDecodable>(_ type: Value.Type = Value.self) throws -> Value {
    if case .error(let message) = self { throw RedisError(reply: message) }
    guard let value = try Value(redis: self) else {
      throw RedisError(.decoding, "an answer of Redis is \(kind), not readable as \(type)")
    }
    return value
  }

  private var kind: String {
    switch self {
    case .null: "nothing"
    case .integer: "a number"
    case .status: "a status"
    case .bytes: "a string"
    case .array: "an array"
    case .error: "an error"
    }
  }
}

/// A type that an answer can be read as.
public protocol RedisDecodable {
  /// Reads the value; nil when it is of another type.
  init?(redis value: RedisValue) throws
}

extension RedisValue: RedisDecodable {
  /// Takes the value as it is.
  public init?(redis value: RedisValue) { self = value }
}

extension Array: RedisDecodable where Element: RedisDecodable {
  /// Reads an array; a string as its bytes.
  public init?(redis value: RedisValue) throws {
    switch value {
    case .array(let values): self = try values.map { try $0.decode(Element.self) }
    case .bytes(let bytes):
      guard let bytes = bytes as? [Element] else { return nil }
      self = bytes
    default: return nil
    }
  }
}

extension UInt8: RedisDecodable {
  /// Reads a small number. It is here for arrays of bytes.
  public init?(redis value: RedisValue) throws {
    guard let number = try Int64(redis: value).flatMap(UInt8.init(exactly:)) else { return nil }
    self = number
  }
}

extension Int64: RedisDecodable {
  /// Reads a number.
  public init?(redis value: RedisValue) throws {
    switch value {
    case .integer(let number): self = number
    case .bytes(let digits):
      guard let number = Int64(String(decoding: digits, as: UTF8.self)) else { return nil }
      self = number
    default: return nil
    }
  }
}

extension Int: RedisDecodable {
  /// Reads a number.
  public init?(redis value: RedisValue) throws {
    guard let number = try Int64(redis: value) else { return nil }
    self.init(number)
  }
}

extension Double: RedisDecodable {
  /// Reads a number, as those of sorted sets.
  public init?(redis value: RedisValue) throws {
    guard let text = try String(redis: value), let number = Double(text) else { return nil }
    self = number
  }
}

extension Bool: RedisDecodable {
  /// Reads 1 or 0.
  public init?(redis value: RedisValue) throws {
    switch try Int64(redis: value) {
    case 0: self = false
    case 1: self = true
    default: return nil
    }
  }
}

extension String: RedisDecodable {
  /// Reads UTF-8 text, a status or a number.
  public init?(redis value: RedisValue) throws {
    switch value {
    case .bytes(let bytes): self.init(validating: bytes, as: UTF8.self)
    case .status(let text): self = text
    case .integer(let number): self.init(number)
    default: return nil
    }
  }
}

extension Optional: RedisDecodable where Wrapped: RedisDecodable {
  /// Reads nothing as nil.
  public init?(redis value: RedisValue) throws {
    self = .none
    if value != .null { self = try value.decode(Wrapped.self) }
  }
}

extension Dictionary: RedisDecodable where Key: RedisDecodable, Value: RedisDecodable {
  /// Reads keys and values by turns, as `HGETALL` gives them.
  public init?(redis value: RedisValue) throws {
    guard case .array(let values) = value, values.count.isMultiple(of: 2) else { return nil }
    self.init(minimumCapacity: values.count / 2)
    for index in stride(from: 0, to: values.count, by: 2) {
      self[try values[index].decode(Key.self)] = try values[index + 1].decode(Value.self)
    }
  }
}
