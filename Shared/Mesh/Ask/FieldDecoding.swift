public import Contract
import Wire

/// Decodes values from JSON, and requests from JSON and the values of path and query.
///
/// Decoding does not stop at the first thing that is wrong: a field that cannot be decoded is noted, a sample takes its
/// place, and decoding goes on. In the end there is a value, or the list of all fields that are wrong.
public enum FieldDecoding {
  /// More wrong fields than these are not listed.
  static let errorLimit = 32

  /// Reads a value from JSON. Throws a `Problem`: 400 when it is no JSON, 422 with the fields that are wrong.
  public static func decode<Value: Decodable>(
    _ type: Value.Type = Value.self, from bytes: [UInt8]
  ) throws(Problem) -> Value {
    try decode(type, from: .json(parse(bytes)))
  }

  /// Reads a request: a property named like a value of the path comes from there; the others come from the query of a
  /// `GET` or `DELETE`, and from the JSON body of anything else. A missing body is an empty object.
  ///
  /// A request that another service makes (`isPublic` is false) is JSON as a whole.
  ///
  /// Throws a `Problem`: 400 when the body is no JSON, 404 when a value of the path cannot name anything, 422 with the
  /// fields that are wrong.
  public static func request<Request: Endpoint>(
    _ type: Request.Type, path: PathValues, body: [UInt8], isPublic: Bool = true
  ) throws(Problem) -> Request {
    let usesQuery = isPublic && type.route.map { $0.method == .get || $0.method == .delete } ?? false
    let rest: FieldSource
    if usesQuery {
      rest = .parameters(Query.parse(body))
    } else {
      rest = .json(try parse(body.isEmpty ? Array("{}".utf8) : body))
    }
    return try decode(type, from: path.isEmpty ? rest : .request(path: path, rest: rest))
  }

  private static func parse(_ bytes: [UInt8]) throws(Problem) -> JSONValue {
    do {
      return try JSONValue.parse(bytes)
    } catch {
      throw Problem(400, "malformed_json", "The body is \(error).")
    }
  }

  private static func decode<Value: Decodable>(_ type: Value.Type, from source: FieldSource) throws(Problem) -> Value {
    let errors = FieldErrors()
    let value = errors.attempt { () throws in try FieldDecoder(source, errors).decode(type) }
    if let value, errors.fields.isEmpty { return value }
    if let field = errors.fields.first(where: { $0.pointer.hasPrefix("{") }) {
      throw Problem(404, "not_found", "Nothing can be named by this path: \(field.pointer) \(field.detail).")
    }
    throw Problem(422, "invalid_fields", "Some fields are not as they must be; see errors.", errors: errors.fields)
  }
}

/// The values that stood in braces in a route's path, by name, with percent-encoding undone.
public struct PathValues: Hashable, Sendable, ExpressibleByDictionaryLiteral {
  /// Names and values in the order of the path.
  public var pairs: [(name: String, value: String)]

  /// Takes names and values in the order of the path.
  public init(_ pairs: [(name: String, value: String)] = []) { self.pairs = pairs }
  /// Takes names and values in the order of the path.
  public init(dictionaryLiteral elements: (String, String)...) { pairs = elements.map { ($0, $1) } }

  /// Whether the path has no values.
  public var isEmpty: Bool { pairs.isEmpty }
  /// The value of this name.
  public subscript(name: String) -> String? { pairs.first { $0.name == name }?.value }

  /// By names and values in order.
  public static func == (left: Self, right: Self) -> Bool { left.pairs.elementsEqual(right.pairs, by: ==) }
  /// By names and values in order.
  public func hash(into hasher: inout Hasher) {
    for (name, value) in pairs {
      hasher.combine(name)
      hasher.combine(value)
    }
  }
}

/// The query part of a URL (`a=1&b=2`) as names with their values.
enum Query {
  /// Names beyond these are ignored.
  static let limit = 256

  static func parse(_ bytes: [UInt8]) -> [String: [String]] {
    var values: [String: [String]] = [:]
    for pair in bytes.split(separator: UInt8(ascii: "&")).prefix(limit) {
      let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
      values[decoded(parts[0]), default: []].append(parts.count == 2 ? decoded(parts[1]) : "")
    }
    return values
  }

  /// Undoes percent-encoding, and `+` for a space. A stray percent sign stands for itself.
  private static func decoded(_ text: ArraySlice<UInt8>) -> String {
    var plain: [UInt8] = []
    var rest = text
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "%"), rest.count >= 2, let value = UInt8(hexadecimal: rest.prefix(2)) {
        plain.append(value)
        rest = rest.dropFirst(2)
      } else {
        plain.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
      }
    }
    return String(decoding: plain, as: UTF8.self)
  }
}

extension UInt8 {
  fileprivate init?(hexadecimal digits: ArraySlice<UInt8>) {
    guard digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
    self.init(String(decoding: digits, as: UTF8.self), radix: 16)
  }
}

/// Where a value is decoded from.
indirect enum FieldSource {
  case json(JSONValue)
  /// One value of path or query.
  case text(String)
  /// A query parameter that may be given several times.
  case texts([String])
  case parameters([String: [String]])
  case request(path: PathValues, rest: FieldSource)

  /// What the object has under this name, and where that is: a JSON pointer, `?name`, or `{name}`.
  func member(_ name: String) -> FieldSource? {
    switch self {
    case .json(let value): value[name].map { .json($0) }
    case .parameters(let values): values[name].map { $0.count == 1 ? .text($0[0]) : .texts($0) }
    case .request(let path, let rest): path[name].map { .text($0) } ?? rest.member(name)
    case .text, .texts: nil
    }
  }

  func pointer(to name: String) -> String {
    switch self {
    case .parameters: "?\(name)"
    case .request(let path, let rest): path[name] == nil ? rest.pointer(to: name) : "{\(name)}"
    case .json, .text, .texts:
      "/"
        + name.split(separator: "~", omittingEmptySubsequences: false).joined(separator: "~0")
        .split(separator: "/", omittingEmptySubsequences: false).joined(separator: "~1")
    }
  }

  var names: [String] {
    switch self {
    case .json(let value): value.members.map(\.name)
    case .parameters(let values): values.keys.sorted()
    case .request(let path, let rest): path.pairs.map(\.name) + rest.names
    case .text, .texts: []
    }
  }

  var isObject: Bool {
    switch self {
    case .json(let value): value.kind == .object
    case .parameters: true
    case .request(_, let rest): rest.isObject
    case .text, .texts: false
    }
  }

  var isNull: Bool {
    if case .json(let value) = self { value.kind == .null } else { false }
  }

  /// The elements; a parameter that is given once is a list of one.
  var elements: [FieldSource]? {
    switch self {
    case .json(let value): value.kind == .array ? value.elements.map { .json($0) } : nil
    case .text(let text): [.text(text)]
    case .texts(let texts): texts.map { .text($0) }
    case .parameters, .request: nil
    }
  }

  /// The value as one of the standard types; nil when it is of another one.
  @inline(__always) func scalar<Value>(_ type: Value.Type) throws -> Value? {
    if type == String.self { return try string() as? Value }
    if type == Bool.self { return boolean as? Value }
    if type == Double.self { return double as? Value }
    if type == Float.self { return double.map { Float($0) } as? Value }
    guard let integer = type as? any FixedWidthInteger.Type else { return nil }
    return whole(integer) as? Value
  }

  private func whole<Integer: FixedWidthInteger>(_ type: Integer.Type) -> Integer? {
    switch self {
    case .json(let value): value.integer(type)
    case .text(let text): Integer(text)
    case .texts, .parameters, .request: nil
    }
  }

  private func string() throws -> String? {
    let text: String?
    switch self {
    case .json(let value): text = value.string
    case .text(let value): text = value
    case .texts, .parameters, .request: text = nil
    }
    guard let text else { return nil }
    guard !text.utf8.contains(0) else { throw InvalidValue("character", "must not contain the character U+0000") }
    return text
  }

  private var boolean: Bool? {
    switch self {
    case .json(let value): value.boolean
    case .text("true"): true
    case .text("false"): false
    case .text, .texts, .parameters, .request: nil
    }
  }

  private var double: Double? {
    switch self {
    case .json(let value): value.double
    case .text(let text): Double(text).flatMap { $0.isFinite ? $0 : nil }
    case .texts, .parameters, .request: nil
    }
  }
}
