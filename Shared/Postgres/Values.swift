import CPostgres
import Contract

/// A type of the server, by its object identifier (`pg_type.oid`, which is fixed for built-in types).
public struct PostgresType: RawRepresentable, Hashable, Sendable {
  /// The object identifier.
  public let rawValue: UInt32
  /// Takes the object identifier.
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  init(_ rawValue: UInt32) { self.rawValue = rawValue }

  /// Left to the server, which takes the type that the place in the statement needs.
  public static let inferred = PostgresType(0)
  /// `boolean`.
  public static let bool = PostgresType(16)
  /// `bytea`.
  public static let bytea = PostgresType(17)
  /// `bigint`.
  public static let int8 = PostgresType(20)
  /// `smallint`.
  public static let int2 = PostgresType(21)
  /// `integer`.
  public static let int4 = PostgresType(23)
  /// `text`.
  public static let text = PostgresType(25)
  /// `json`.
  public static let json = PostgresType(114)
  /// `real`.
  public static let float4 = PostgresType(700)
  /// `double precision`.
  public static let float8 = PostgresType(701)
  /// `timestamptz`.
  public static let timestamptz = PostgresType(1184)
  /// `interval`.
  public static let interval = PostgresType(1186)
  /// `numeric`.
  public static let numeric = PostgresType(1700)
  /// `uuid`.
  public static let uuid = PostgresType(2950)
  /// `jsonb`.
  public static let jsonb = PostgresType(3802)
}

/// A value that can be a parameter of a statement.
public protocol PostgresEncodable: Sendable {
  /// The type that the parameter is declared with.
  static var postgresType: PostgresType { get }
  /// 1 for the type's binary form, 0 for its text form.
  static var postgresFormat: CInt { get }
  /// Writes the value in that form.
  func encode(into writer: inout ParameterWriter)
}

extension PostgresEncodable {
  /// Binary.
  public static var postgresFormat: CInt { 1 }
}

/// A value that can be read from a column. `Optional` reads NULL as nil; everything else refuses it.
public protocol PostgresDecodable {
  /// Reads the value; throws `PostgresError` of kind `decoding` when the column holds something else.
  init(postgres cell: Cell) throws
}

/// A value that goes both ways.
public typealias PostgresValue = PostgresEncodable & PostgresDecodable

/// Collects the bytes of one parameter.
public struct ParameterWriter {
  private(set) var bytes: [UInt8]
  private(set) var problem: String?

  init(bytes: [UInt8]) { self.bytes = bytes }

  /// Adds a whole number, most significant byte first.
  public mutating func write<Integer: FixedWidthInteger>(_ value: Integer) {
    withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
  }

  /// Adds bytes as they are.
  public mutating func write(bytes other: some Sequence<UInt8>) { bytes.append(contentsOf: other) }

  /// Adds text, in which PostgreSQL knows no zero character.
  public mutating func write(text: String) {
    let start = bytes.count
    bytes.append(contentsOf: text.utf8)
    if bytes[start...].contains(0) { problem = "a text parameter contains a zero character" }
  }

  /// Adds a length of four bytes and then what `body` writes.
  mutating func writeCounted(_ body: (inout ParameterWriter) -> Void) {
    let start = bytes.count
    write(Int32(0))
    body(&self)
    let length = Int32(clamping: bytes.count - start - 4)
    withUnsafeBytes(of: length.bigEndian) { for (index, byte) in $0.enumerated() { bytes[start + index] = byte } }
  }
}

/// One field of a row while it is being read.
public struct Cell {
  /// The field in binary form, valid only while it is being read; nil for NULL.
  public let bytes: UnsafeRawBufferPointer?
  /// What the server says it is.
  public let type: PostgresType
  /// The answer and the column, to name it in errors.
  let result: OpaquePointer
  let column: CInt

  private var name: String { PQfname(result, column).map { String(cString: $0) } ?? "\(column + 1)" }

  /// The bytes; throws when the field is NULL.
  public func required() throws -> UnsafeRawBufferPointer {
    guard let bytes else { throw PostgresError(.decoding, "column \(name) is NULL, which only an optional can hold") }
    return bytes
  }

  /// The error to throw when the field cannot be read as `wanted`.
  public func mismatch(_ wanted: Any.Type) -> PostgresError {
    var error = PostgresError(.decoding, "column \(name) is of type \(type.rawValue), not readable as \(wanted)")
    if type == .numeric { error.hint = "cast it in SQL, for instance ::bigint (sums of bigint are numeric)" }
    return error
  }

  /// A whole number of the width that the column has.
  func integer<Integer: FixedWidthInteger>() throws -> Integer {
    let bytes = try required()
    let wide: Int64? =
      switch (type, bytes.count) {
      case (.int8, 8): Int64(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self)))
      case (.int4, 4): Int64(Int32(bigEndian: bytes.loadUnaligned(as: Int32.self)))
      case (.int2, 2): Int64(Int16(bigEndian: bytes.loadUnaligned(as: Int16.self)))
      default: nil
      }
    guard let value = wide.flatMap(Integer.init(exactly:)) else { throw mismatch(Integer.self) }
    return value
  }

  /// The bytes of a column that is text, or is written as text in binary form too: `json`, `name`, enumerations.
  func textual(_ wanted: Any.Type) throws -> UnsafeRawBufferPointer {
    let bytes = try required()
    switch type.rawValue {
    case 25, 1043, 1042, 19, 705, 114, 142, 2278: return bytes
    case 3802 where bytes.first == 1: return UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    case 16384...: return bytes
    default: throw mismatch(wanted)
    }
  }
}

extension Optional: PostgresDecodable where Wrapped: PostgresDecodable {
  /// Reads NULL as nil.
  public init(postgres cell: Cell) throws { self = cell.bytes == nil ? nil : try Wrapped(postgres: cell) }
}

extension Int16: PostgresEncodable, PostgresDecodable {
  /// `smallint`.
  public static var postgresType: PostgresType { .int2 }
  /// Writes two bytes.
  public func encode(into writer: inout ParameterWriter) { writer.write(self) }
  /// Reads any whole number that fits.
  public init(postgres cell: Cell) throws { self = try cell.integer() }
}

extension Int32: PostgresEncodable, PostgresDecodable {
  /// `integer`.
  public static var postgresType: PostgresType { .int4 }
  /// Writes four bytes.
  public func encode(into writer: inout ParameterWriter) { writer.write(self) }
  /// Reads any whole number that fits.
  public init(postgres cell: Cell) throws { self = try cell.integer() }
}

extension Int64: PostgresEncodable, PostgresDecodable {
  /// `bigint`.
  public static var postgresType: PostgresType { .int8 }
  /// Writes eight bytes.
  public func encode(into writer: inout ParameterWriter) { writer.write(self) }
  /// Reads any whole number.
  public init(postgres cell: Cell) throws { self = try cell.integer() }
}

extension Int: PostgresEncodable, PostgresDecodable {
  /// `bigint`.
  public static var postgresType: PostgresType { .int8 }
  /// Writes eight bytes.
  public func encode(into writer: inout ParameterWriter) { writer.write(Int64(self)) }
  /// Reads any whole number.
  public init(postgres cell: Cell) throws { self = try cell.integer() }
}

extension Bool: PostgresEncodable, PostgresDecodable {
  /// `boolean`.
  public static var postgresType: PostgresType { .bool }
  /// Writes one byte.
  public func encode(into writer: inout ParameterWriter) { writer.write(UInt8(self ? 1 : 0)) }
  /// Reads `boolean`.
  public init(postgres cell: Cell) throws {
    let bytes = try cell.required()
    guard cell.type == .bool, bytes.count == 1 else { throw cell.mismatch(Bool.self) }
    self = bytes[0] != 0
  }
}

extension Double: PostgresEncodable, PostgresDecodable {
  /// `double precision`.
  public static var postgresType: PostgresType { .float8 }
  /// Writes eight bytes (IEEE 754).
  public func encode(into writer: inout ParameterWriter) { writer.write(bitPattern) }
  /// Reads `double precision` and `real`.
  public init(postgres cell: Cell) throws {
    let bytes = try cell.required()
    switch (cell.type, bytes.count) {
    case (.float8, 8): self.init(bitPattern: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)))
    case (.float4, 4): self.init(Float(bitPattern: UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))))
    default: throw cell.mismatch(Double.self)
    }
  }
}

extension String: PostgresEncodable, PostgresDecodable {
  /// Left to the server: text, an enumeration, `jsonb`, `numeric`, …
  public static var postgresType: PostgresType { .inferred }
  /// Text form.
  public static var postgresFormat: CInt { 0 }
  /// Writes UTF-8.
  public func encode(into writer: inout ParameterWriter) { writer.write(text: self) }
  /// Reads everything that is text or JSON. Cast other types in SQL (`::text`).
  public init(postgres cell: Cell) throws { self = String(decoding: try cell.textual(String.self), as: UTF8.self) }
}

extension UniqueID: PostgresEncodable, PostgresDecodable {
  /// `uuid`.
  public static var postgresType: PostgresType { .uuid }
  /// Writes sixteen bytes.
  public func encode(into writer: inout ParameterWriter) {
    writer.write(high)
    writer.write(low)
  }
  /// Reads `uuid`.
  public init(postgres cell: Cell) throws {
    let bytes = try cell.required()
    guard cell.type == .uuid, bytes.count == 16 else { throw cell.mismatch(UniqueID.self) }
    self.init(
      high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
      low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
  }
}

extension ID: PostgresEncodable, PostgresDecodable {
  /// `uuid`.
  public static var postgresType: PostgresType { .uuid }
  /// Writes sixteen bytes.
  public func encode(into writer: inout ParameterWriter) { value.encode(into: &writer) }
  /// Reads `uuid`.
  public init(postgres cell: Cell) throws { self.init(try UniqueID(postgres: cell)) }
}

extension Timestamp: PostgresEncodable, PostgresDecodable {
  /// 2000-01-01, from which the server counts.
  private static let serverEpoch: Int64 = 946_684_800_000_000

  /// `timestamptz`.
  public static var postgresType: PostgresType { .timestamptz }
  /// Writes microseconds. A time out of the server's range becomes an infinite one.
  public func encode(into writer: inout ParameterWriter) {
    let (value, overflow) = microseconds.subtractingReportingOverflow(Self.serverEpoch)
    writer.write(overflow ? Int64.min : value)
  }
  /// Reads `timestamptz`. The infinities are no moments and are refused.
  public init(postgres cell: Cell) throws {
    let bytes = try cell.required()
    guard cell.type == .timestamptz, bytes.count == 8 else { throw cell.mismatch(Timestamp.self) }
    let value = Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))
    guard value != .min, value != .max else { throw cell.mismatch(Timestamp.self) }
    let (microseconds, overflow) = value.addingReportingOverflow(Self.serverEpoch)
    guard !overflow else { throw cell.mismatch(Timestamp.self) }
    self.init(microseconds: microseconds)
  }
}

extension Duration: PostgresEncodable, PostgresDecodable {
  /// `interval`.
  public static var postgresType: PostgresType { .interval }
  /// Writes microseconds; no days and no months.
  public func encode(into writer: inout ParameterWriter) {
    let (seconds, attoseconds) = components
    let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000)
    writer.write(overflow ? (seconds < 0 ? .min : .max) : scaled &+ attoseconds / 1_000_000_000_000)
    writer.write(Int64(0))
  }
  /// Reads an `interval` without months, whose length depends on the calendar. Days count 24 hours.
  public init(postgres cell: Cell) throws {
    let bytes = try cell.required()
    guard cell.type == .interval, bytes.count == 16 else { throw cell.mismatch(Duration.self) }
    let days = Int32(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: Int32.self))
    guard bytes.loadUnaligned(fromByteOffset: 12, as: Int32.self) == 0 else { throw cell.mismatch(Duration.self) }
    self =
      .microseconds(Int64(bigEndian: bytes.loadUnaligned(as: Int64.self))) + .seconds(Int64(days) * 86_400)
  }
}

/// A JSON document as bytes, stored as `jsonb` and read from `jsonb` or `json`. The server checks that it is well formed.
public struct JSONDocument: PostgresEncodable, PostgresDecodable, Hashable {
  /// The document in UTF-8.
  public var bytes: [UInt8]
  /// Takes a document in UTF-8.
  public init(_ bytes: [UInt8]) { self.bytes = bytes }

  /// `jsonb`.
  public static var postgresType: PostgresType { .jsonb }
  /// Writes the version of the binary form, 1, and the text.
  public func encode(into writer: inout ParameterWriter) {
    writer.write(UInt8(1))
    writer.write(bytes: bytes)
  }
  /// Reads `jsonb` or `json`.
  public init(postgres cell: Cell) throws {
    guard cell.type == .jsonb || cell.type == .json else { throw cell.mismatch(JSONDocument.self) }
    bytes = Array(try cell.textual(JSONDocument.self))
  }
}

extension PostgresEncodable where Self: RawRepresentable, RawValue: PostgresEncodable {
  /// The raw value's type.
  public static var postgresType: PostgresType { RawValue.postgresType }
  /// The raw value's form.
  public static var postgresFormat: CInt { RawValue.postgresFormat }
  /// Writes the raw value.
  public func encode(into writer: inout ParameterWriter) { rawValue.encode(into: &writer) }
}

extension PostgresDecodable where Self: RawRepresentable, RawValue: PostgresDecodable {
  /// Reads a raw value that this type knows.
  public init(postgres cell: Cell) throws {
    guard let value = Self(rawValue: try RawValue(postgres: cell)) else { throw cell.mismatch(Self.self) }
    self = value
  }
}
