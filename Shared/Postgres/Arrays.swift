import Contract

/// A type of which arrays can be parameters and columns, of one dimension. An array of optionals may hold NULLs.
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

extension PostgresArrayElement where Self: PostgresValue {
  /// Writes an array in binary form.
  public static func encode(_ elements: [Self], into writer: inout ParameterWriter) { writer.write(array: elements) }
  /// Reads an array without NULLs.
  public static func decode(_ cell: Cell) throws -> [Self] { try cell.elements(as: Self.self) }
}

extension Optional: PostgresArrayElement where Wrapped: PostgresArrayElement & PostgresValue {
  /// The type of the array.
  public static var postgresArrayType: PostgresType { Wrapped.postgresArrayType }
  /// Writes an array in binary form.
  public static func encode(_ elements: [Wrapped?], into writer: inout ParameterWriter) {
    writer.write(array: elements)
  }
  /// Reads an array.
  public static func decode(_ cell: Cell) throws -> [Wrapped?] { try cell.elements(as: Wrapped?.self) }
}

/// The binary form of arrays (`array_send` in the server): dimensions, whether there are NULLs, the elements' type,
/// then for each dimension its length and lower bound, then each element with its length, which is -1 for NULL.
extension ParameterWriter {
  fileprivate mutating func write<Value: PostgresEncodable>(array elements: [Value?]) {
    write(Int32(elements.isEmpty ? 0 : 1))
    write(Int32(elements.contains { $0 == nil } ? 1 : 0))
    write(Value.postgresType == .inferred ? PostgresType.text.rawValue : Value.postgresType.rawValue)
    guard !elements.isEmpty else { return }
    write(Int32(clamping: elements.count))
    write(Int32(1))
    for element in elements {
      if let element { writeCounted { element.encode(into: &$0) } } else { write(Int32(-1)) }
    }
  }
}

extension Cell {
  fileprivate func elements<Value: PostgresDecodable>(as wanted: Value.Type) throws -> [Value] {
    var rest = try required()[...]
    func next() throws -> Int32 {
      guard rest.count >= 4 else { throw mismatch([Value].self) }
      defer { rest = rest.dropFirst(4) }
      return Int32(bigEndian: UnsafeRawBufferPointer(rebasing: rest).loadUnaligned(as: Int32.self))
    }
    let dimensions = try next()
    _ = try next()
    let type = PostgresType(UInt32(bitPattern: try next()))
    if dimensions == 0 { return [] }
    let count = try next()
    _ = try next()
    guard dimensions == 1, count >= 0, Int(count) <= rest.count / 4 else { throw mismatch([Value].self) }
    var elements: [Value] = []
    elements.reserveCapacity(Int(count))
    for _ in 0..<count {
      let length = Int(try next())
      guard length <= rest.count else { throw mismatch([Value].self) }
      let bytes = length < 0 ? nil : UnsafeRawBufferPointer(rebasing: rest.prefix(length))
      elements.append(try Value(postgres: Cell(bytes: bytes, type: type, result: result, column: column)))
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
