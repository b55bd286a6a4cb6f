import Contract

/// A type of which arrays can be parameters and columns: one dimension, without NULLs.
///
/// `UInt8` is the exception: an array of bytes is `bytea`.
public protocol PostgresArrayElement: Sendable {
  /// The type of the array.
  static var postgresArrayType: PostgresType { get }
  /// Writes an array in binary form.
  static func encode(_ elements: [Self], into writer: inout ParameterWriter)
  /// Reads an array.
  static func decode(_ cell: Cell) throws -> [Self]
}

extension Array: PostgresEncodable where Element: PostgresArrayElement {
  /// The array's type.
  public static var postgresType: PostgresType { Element.postgresArrayType }
  /// Writes the array.
  public func encode(into writer: inout ParameterWriter) { Element.encode(self, into: &writer) }
}

extension Array: PostgresDecodable where Element: PostgresArrayElement {
  /// Reads the array.
  public init(postgres cell: Cell) throws { self = try Element.decode(cell) }
}

extension UInt8: PostgresArrayElement {
  /// `bytea`.
  public static var postgresArrayType: PostgresType { .bytea }
  /// Writes the bytes.
  public static func encode(_ elements: [UInt8], into writer: inout ParameterWriter) { writer.write(bytes: elements) }
  /// Reads `bytea`.
  public static func decode(_ cell: Cell) throws -> [UInt8] {
    let bytes = try cell.required()
    guard cell.type == .bytea else { throw cell.mismatch([UInt8].self) }
    return Array(bytes)
  }
}

/// The binary form of arrays (`array_send` in the server): dimensions, whether there are NULLs, the elements' type,
/// then for each dimension its length and lower bound, then each element with its length.
extension PostgresArrayElement where Self: PostgresValue {
  /// Writes an array in binary form.
  public static func encode(_ elements: [Self], into writer: inout ParameterWriter) {
    writer.write(Int32(elements.isEmpty ? 0 : 1))
    writer.write(Int32(0))
    writer.write(postgresType == .inferred ? PostgresType.text.rawValue : postgresType.rawValue)
    guard !elements.isEmpty else { return }
    writer.write(Int32(clamping: elements.count))
    writer.write(Int32(1))
    for element in elements { writer.writeCounted { element.encode(into: &$0) } }
  }

  /// Reads an array of one dimension without NULLs.
  public static func decode(_ cell: Cell) throws -> [Self] {
    var rest = try cell.required()[...]
    func next() throws -> Int32 {
      guard rest.count >= 4 else { throw cell.mismatch([Self].self) }
      defer { rest = rest.dropFirst(4) }
      return Int32(bigEndian: UnsafeRawBufferPointer(rebasing: rest).loadUnaligned(as: Int32.self))
    }
    let dimensions = try next()
    _ = try next()
    let type = PostgresType(UInt32(bitPattern: try next()))
    if dimensions == 0 { return [] }
    let count = try next()
    _ = try next()
    guard dimensions == 1, count >= 0, Int(count) <= rest.count / 4 else { throw cell.mismatch([Self].self) }
    var elements: [Self] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count {
      let length = Int(try next())
      guard length <= rest.count else { throw cell.mismatch([Self].self) }
      let bytes = length < 0 ? nil : UnsafeRawBufferPointer(rebasing: rest.prefix(length))
      elements.append(try Self(postgres: Cell(bytes: bytes, type: type, result: cell.result, column: cell.column)))
      rest = rest.dropFirst(max(0, length))
    }
    return elements
  }
}

extension Array: PostgresArrayElement where Element == UInt8 {
  /// `bytea[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1001) }
}

extension Bool: PostgresArrayElement {
  /// `boolean[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1000) }
}

extension Int32: PostgresArrayElement {
  /// `integer[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1007) }
}

extension Int64: PostgresArrayElement {
  /// `bigint[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1016) }
}

extension Int: PostgresArrayElement {
  /// `bigint[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1016) }
}

extension Double: PostgresArrayElement {
  /// `double precision[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1022) }
}

extension String: PostgresArrayElement {
  /// `text[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1009) }
}

extension UniqueID: PostgresArrayElement {
  /// `uuid[]`.
  public static var postgresArrayType: PostgresType { PostgresType(2951) }
}

extension ID: PostgresArrayElement {
  /// `uuid[]`.
  public static var postgresArrayType: PostgresType { PostgresType(2951) }
}

extension Timestamp: PostgresArrayElement {
  /// `timestamptz[]`.
  public static var postgresArrayType: PostgresType { PostgresType(1185) }
}
