/// The shape of a value on the wire: what OpenAPI shows, and what a request is checked against before it is decoded.
public indirect enum Schema: Hashable, Sendable {
  /// Text of `length` characters, in a `format` that JSON Schema knows ("email", "uuid", "date-time") if any.
  case string(length: ClosedRange<Int>? = nil, format: String? = nil)
  /// One of a few words.
  case choice([String])
  /// A whole number.
  case integer(ClosedRange<Int>? = nil)
  /// A number.
  case number(ClosedRange<Double>? = nil)
  /// True or false.
  case boolean
  /// A list of at most `limit` elements.
  case array(Schema, limit: Int? = nil)
  /// An object with these properties; others are ignored.
  case object([Property])
  /// An object whose property names are free.
  case map(Schema)
  /// The value, or null.
  case optional(Schema)
  /// Null, and nothing else.
  case null
  /// Any JSON.
  case any

  /// One property of an object.
  public struct Property: Hashable, Sendable {
    /// Its name.
    public let name: String
    /// The shape of its value.
    public let schema: Schema
    /// Whether it must be there.
    public let isRequired: Bool

    /// Describes a property.
    public init(_ name: String, _ schema: Schema, isRequired: Bool = true) {
      (self.name, self.schema, self.isRequired) = (name, schema, isRequired)
    }
  }

  /// The properties of an object; none of anything else.
  public var properties: [Property] {
    if case .object(let properties) = self { properties } else { [] }
  }
}

/// A type that says itself how it looks on the wire, because its decoding accepts less than its parts would.
public protocol Described: Decodable {
  /// The shape.
  static var schema: Schema { get }
  /// Any value, to go on with while shapes are read.
  static var sample: Self { get }
}

extension Schema {
  /// The shape of `type`, read from how it decodes itself: whatever Codable synthesises is described without a word.
  ///
  /// Throws when `type` decodes itself in a way that does not show its shape; make it `Described` then.
  public init<Value: Decodable>(of type: Value.Type) throws {
    self = try Schema.describe(type).schema
  }

  /// Some value of `type`, to go on with when the real one cannot be decoded, so that all that is wrong is found.
  ///
  /// Throws as `init(of:)` does.
  public static func sample<Value: Decodable>(of type: Value.Type) throws -> Value { try describe(type).sample }

  static func describe<Value: Decodable>(_ type: Value.Type) throws -> (schema: Schema, sample: Value) {
    if let described = type as? any Described.Type { return (described.schema, try cast(described.sample)) }
    if let choice = type as? any CaseIterable.Type, let (words, first) = words(of: choice) {
      return (.choice(words), try cast(first))
    }
    let reader = SchemaReader()
    let sample = try Value(from: reader)
    // A type without properties asks for nothing.
    return (reader.schema ?? .object([]), sample)
  }

  private static func words<Choice: CaseIterable>(of type: Choice.Type) -> (words: [String], first: Any)? {
    let words = type.allCases.compactMap { ($0 as? any RawRepresentable)?.rawValue as? String }
    guard words.count == type.allCases.count, let first = type.allCases.first else { return nil }
    return (words, first)
  }

  private static func cast<Value>(_ sample: Any) throws -> Value {
    guard let value = sample as? Value else {
      throw SchemaError(description: "the sample of \(Value.self) is of another type")
    }
    return value
  }
}

/// A type whose shape cannot be read.
public struct SchemaError: Error, CustomStringConvertible {
  /// Which type, and what to do.
  public let description: String
}

extension UniqueID: Described {
  /// Text in the canonical form.
  public static var schema: Schema { .string(format: "uuid") }
  /// All zeros.
  public static var sample: UniqueID { UniqueID(high: 0, low: 0) }
}

extension ID: Described {
  /// Text in the canonical form.
  public static var schema: Schema { UniqueID.schema }
  /// All zeros.
  public static var sample: ID { ID(UniqueID.sample) }
}

extension Timestamp: Described {
  /// ISO 8601.
  public static var schema: Schema { .string(format: "date-time") }
  /// The epoch.
  public static var sample: Timestamp { Timestamp(microseconds: 0) }
}

extension Array: Described where Element: Decodable {
  /// A list of whatever the elements are.
  public static var schema: Schema { .array((try? Schema(of: Element.self)) ?? .any) }
  /// The empty list.
  public static var sample: [Element] { [] }
}

extension Dictionary: Described where Key == String, Value: Decodable {
  /// An object with free names.
  public static var schema: Schema { .map((try? Schema(of: Value.self)) ?? .any) }
  /// The empty object.
  public static var sample: [String: Value] { [:] }
}

extension Optional: Described where Wrapped: Decodable {
  /// The value or null.
  public static var schema: Schema { .optional((try? Schema(of: Wrapped.self)) ?? .any) }
  /// Null.
  public static var sample: Wrapped? { nil }
}

extension Nothing: Described {
  /// An object without properties.
  public static var schema: Schema { .object([]) }
  /// The only value.
  public static var sample: Nothing { Nothing() }
}
