/// A shape as JSON Schema (draft 2020-12), in the part of it that `Schema` can say.
extension Schema: Codable {
  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  /// Writes JSON Schema.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Name.self)
    func type(_ name: String) throws { try container.encode(name, forKey: Name("type")) }
    func put<Value: Encodable>(_ name: String, _ value: Value?) throws {
      if let value { try container.encode(value, forKey: Name(name)) }
    }
    switch self {
    case .string(let length, let format):
      try type("string")
      try put("minLength", length?.lowerBound)
      try put("maxLength", length.flatMap { $0.upperBound == .max ? nil : $0.upperBound })
      try put("format", format)
    case .choice(let words):
      try type("string")
      try put("enum", words)
    case .integer(let range):
      try type("integer")
      try put("minimum", range?.lowerBound)
      try put("maximum", range?.upperBound)
    case .number(let range):
      try type("number")
      try put("minimum", range?.lowerBound)
      try put("maximum", range?.upperBound)
    case .boolean: try type("boolean")
    case .array(let element, let limit):
      try type("array")
      try put("items", element)
      try put("maxItems", limit)
    case .object(let properties):
      try type("object")
      var members = container.nestedContainer(keyedBy: Name.self, forKey: Name("properties"))
      for property in properties { try members.encode(property.schema, forKey: Name(property.name)) }
      let required = properties.filter(\.isRequired).map(\.name)
      try put("required", required.isEmpty ? nil : required)
    case .map(let value):
      try type("object")
      try put("additionalProperties", value)
    case .optional(let value): try put("anyOf", [value, .null])
    case .null: try type("null")
    case .any: break
    }
  }

  /// Reads what `encode` writes; what it does not know becomes `any`.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Name.self)
    func value<Value: Decodable>(_ name: String, _ type: Value.Type) throws -> Value? {
      try container.decodeIfPresent(type, forKey: Name(name))
    }
    func range<Bound: Comparable & Decodable>(_ low: String, _ high: String, _ least: Bound, _ most: Bound) throws
      -> ClosedRange<Bound>?
    {
      let (from, to) = (try value(low, Bound.self), try value(high, Bound.self))
      guard from != nil || to != nil, from ?? least <= to ?? most else { return nil }
      return (from ?? least)...(to ?? most)
    }
    if let choices = try value("anyOf", [Schema].self), choices.count == 2, choices[1] == .null {
      self = .optional(choices[0])
      return
    }
    switch try value("type", String.self) {
    case "string":
      if let words = try value("enum", [String].self) {
        self = .choice(words)
      } else {
        self = .string(length: try range("minLength", "maxLength", 0, .max), format: try value("format", String.self))
      }
    case "integer": self = .integer(try range("minimum", "maximum", .min, .max))
    case "number":
      self = .number(
        try range("minimum", "maximum", -Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude))
    case "boolean": self = .boolean
    case "null": self = .null
    case "array": self = .array(try value("items", Schema.self) ?? .any, limit: try value("maxItems", Int.self))
    case "object":
      if let free = try value("additionalProperties", Schema.self) {
        self = .map(free)
        return
      }
      guard container.contains(Name("properties")) else {
        self = .object([])
        return
      }
      let members = try container.nestedContainer(keyedBy: Name.self, forKey: Name("properties"))
      let required = Set(try value("required", [String].self) ?? [])
      self = .object(
        try members.allKeys.map {
          Property(
            $0.stringValue, try members.decode(Schema.self, forKey: $0), isRequired: required.contains($0.stringValue))
        })
    default: self = .any
    }
  }
}
