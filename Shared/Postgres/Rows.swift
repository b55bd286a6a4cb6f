import CPostgres

/// The owner of one `PGresult`.
final class ResultHandle: @unchecked Sendable {
  // Sendable by hand: libpq never changes a result once it has handed it out, and everything here only reads.
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) { self.pointer = pointer }
  deinit { PQclear(pointer) }
}

/// The answer to one statement: its rows, read in place, and how many rows it changed.
///
/// The whole answer lies in memory; a statement that may find much says `limit`.
public struct Rows: RandomAccessCollection, Sendable {
  let result: ResultHandle

  /// Always 0.
  public var startIndex: Int { 0 }
  /// How many rows there are.
  public var endIndex: Int { Int(PQntuples(result.pointer)) }
  /// The row at `index`, which must exist.
  public subscript(index: Int) -> Row {
    precondition(index >= 0 && index < endIndex, "row \(index) of \(endIndex)")
    return Row(result: result, index: CInt(index))
  }

  /// Reads the first columns of every row, in order. Throws `PostgresError` of kind `decoding`.
  public func decode<each Value: PostgresDecodable>(_ types: repeat (each Value).Type) throws -> [(repeat each Value)] {
    try map { row in try row.decode(repeat (each Value).self) }
  }

  /// How many rows were inserted, updated, deleted or selected.
  public var affected: Int { Int(String(cString: PQcmdTuples(result.pointer))) ?? 0 }

  /// The server's word for what was done, as `COMMIT` or `INSERT 0 1`.
  var tag: String { String(cString: PQcmdStatus(result.pointer)) }
}

/// One row of an answer.
///
///     let (id, name, seen) = try row.decode(MemberID.self, String.self, Timestamp?.self)
public struct Row: Sendable {
  let result: ResultHandle
  let index: CInt

  /// Reads the first columns, in order. Throws `PostgresError` of kind `decoding`.
  public func decode<each Value: PostgresDecodable>(_ types: repeat (each Value).Type) throws -> (repeat each Value) {
    var column: CInt = -1
    func next<T: PostgresDecodable>(_ type: T.Type) throws -> T {
      column += 1
      return try T(postgres: cell(column))
    }
    return (repeat try next((each Value).self))
  }

  /// Reads the column at a position, from 0.
  public func decode<Value: PostgresDecodable>(column: Int, as type: Value.Type = Value.self) throws -> Value {
    try Value(postgres: cell(CInt(clamping: column)))
  }

  /// Reads the column of this name.
  public func decode<Value: PostgresDecodable>(_ name: String, as type: Value.Type = Value.self) throws -> Value {
    let column = PQfnumber(result.pointer, "\"\(name)\"")
    guard column >= 0 else { throw PostgresError(.decoding, "the answer has no column \(name)") }
    return try Value(postgres: cell(column))
  }

  private func cell(_ column: CInt) throws -> Cell {
    let pointer = result.pointer
    guard column >= 0, column < PQnfields(pointer) else {
      throw PostgresError(.decoding, "the answer has \(PQnfields(pointer)) columns, number \(column + 1) was asked for")
    }
    guard PQfformat(pointer, column) == 1 else {
      throw PostgresError(.decoding, "column \(column + 1) was sent as text")
    }
    let isNull = PQgetisnull(pointer, index, column) == 1
    let bytes = UnsafeRawBufferPointer(
      start: PQgetvalue(pointer, index, column), count: Int(PQgetlength(pointer, index, column)))
    return Cell(
      bytes: isNull ? nil : bytes, type: PostgresType(PQftype(pointer, column)), result: pointer, column: column)
  }
}
