import EventLoop

/// Where a statement can be sent: a `Database`, where it stands alone, or a `Transaction`. A store that reads takes either.
@Loop public protocol Querying {
  /// Sends a statement and waits for its answer. Throws `PostgresError`.
  @discardableResult
  func query(_ sql: SQL, file: StaticString, line: UInt) async throws -> Rows
}

extension Querying {
  /// Sends a statement and waits for its answer. Throws `PostgresError`.
  @discardableResult
  public func query(_ sql: SQL, at file: StaticString = #fileID, _ line: UInt = #line) async throws -> Rows {
    try await query(sql, file: file, line: line)
  }
}

extension Database: Querying {}
extension Transaction: Querying {}
