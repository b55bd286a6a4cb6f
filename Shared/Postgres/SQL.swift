/// A statement with its parameters.
///
/// It is written as SQL. What is interpolated becomes a parameter that travels beside the text, so a value can never
/// turn into syntax, and the text stays the same from call to call and is prepared once per connection:
///
///     let found: SQL = "select name from members where id = \(id) and tier >= \(tier)"
///
/// Whole numbers, truth values, times, identifiers and arrays are sent in binary with their type. Text is sent without
/// one: the server takes it for what the place needs (`text`, an enumeration, `jsonb`, `numeric`, …).
public struct SQL: ExpressibleByStringInterpolation, Sendable {
  struct Parameter: Sendable {
    var type: PostgresType
    var format: CInt
    var start: Int
    /// Length in bytes, or -1 for NULL.
    var length: Int
    /// Where `$n` stands in the text, for renumbering when statements are joined.
    var position: Int
  }

  private(set) var text: String
  private(set) var parameters: [Parameter] = []
  private(set) var bytes: [UInt8] = []
  /// Why the statement cannot be sent, if a value has no form in PostgreSQL.
  private(set) var problem: String?

  /// Takes text that is no literal of this program, such as a migration's. It must not contain anything from outside.
  public init(trusted text: String) { self.text = text }

  /// A statement without parameters.
  public init(stringLiteral text: String) { self.text = text }

  /// A statement with parameters.
  public init(stringInterpolation: StringInterpolation) { self = stringInterpolation.sql }

  /// Joins two statements' texts, for those that are put together from parts.
  public static func += (left: inout SQL, right: SQL) { left.append(right) }

  private mutating func append(_ other: SQL) {
    guard !other.parameters.isEmpty else {
      text += other.text
      return
    }
    var rest = Substring(other.text).utf8
    var position = 0
    for parameter in other.parameters {
      text += Substring(rest.prefix(parameter.position - position))
      rest = rest.dropFirst(parameter.position - position)
      position = parameter.position
      let placeholder = rest.prefix(1) + rest.dropFirst().prefix { (48...57).contains($0) }
      rest = rest.dropFirst(placeholder.count)
      position += placeholder.count
      var own = parameter
      own.start += bytes.count
      own.position = text.utf8.count
      parameters.append(own)
      text += "$\(parameters.count)"
    }
    text += Substring(rest)
    bytes += other.bytes
    problem = problem ?? other.problem
  }

  fileprivate mutating func bind(type: PostgresType, format: CInt, _ encode: (inout ParameterWriter) -> Void) {
    var writer = ParameterWriter(bytes: bytes)
    bytes = []
    let start = writer.bytes.count
    encode(&writer)
    if writer.problem != nil { problem = writer.problem }
    bytes = writer.bytes
    add(Parameter(type: type, format: format, start: start, length: bytes.count - start, position: 0))
    // libpq reads values in text form up to a zero.
    bytes.append(0)
  }

  fileprivate mutating func bindNull(type: PostgresType) {
    add(Parameter(type: type, format: 1, start: 0, length: -1, position: 0))
  }

  private mutating func add(_ parameter: Parameter) {
    var parameter = parameter
    parameter.position = text.utf8.count
    parameters.append(parameter)
    text += "$\(parameters.count)"
  }

  /// Collects the literal parts and the parameters.
  public struct StringInterpolation: StringInterpolationProtocol {
    fileprivate var sql = SQL(trusted: "")

    /// Prepares for text of about this size.
    public init(literalCapacity: Int, interpolationCount: Int) {
      sql.text.reserveCapacity(literalCapacity + 3 * interpolationCount)
      sql.parameters.reserveCapacity(interpolationCount)
      sql.bytes.reserveCapacity(17 * interpolationCount)
    }

    /// Adds text as it stands.
    public mutating func appendLiteral(_ literal: String) { sql.text += literal }

    /// Adds a parameter.
    public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value) {
      sql.bind(type: Value.postgresType, format: Value.postgresFormat) { value.encode(into: &$0) }
    }

    /// Adds a parameter that may be NULL.
    public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
      if let value { appendInterpolation(value) } else { sql.bindNull(type: Value.postgresType) }
    }

    /// Adds a piece of SQL with its own parameters.
    public mutating func appendInterpolation(_ fragment: SQL) { sql.append(fragment) }

    /// Adds the name of a table, column or channel, quoted.
    public mutating func appendInterpolation(identifier name: String) {
      sql.text += "\"" + name.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
  }
}
