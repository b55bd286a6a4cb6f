import EventLoop

/// A transaction that is open: what is sent here takes effect as a whole, when the closure that received it returns.
///
/// Statements are sent at once, without waiting for earlier ones. It must not be used after its closure has returned.
@Loop public final class Transaction {
  private let connection: Connection
  private let beginning: SQL
  private var begun = false
  private var ended = false
  private var firstError: PostgresError?
  private var expiry: PostgresError?
  private var awaited: [Promise<Rows>] = []

  init(_ connection: Connection, beginning: SQL) {
    (self.connection, self.beginning) = (connection, beginning)
  }

  /// Sends a statement and waits for its answer.
  ///
  /// Throws `PostgresError`; then the transaction is lost and only its reason can still be looked at. When the task is
  /// cancelled meanwhile, throws `CancellationError` and stops the statement.
  @discardableResult
  public func query(_ sql: SQL, file: StaticString = #fileID, line: UInt = #line) async throws -> Rows {
    let promise = Promise<Rows>()
    awaited.removeAll { $0.isSettled }
    awaited.append(promise)
    send(sql, endsSegment: true, Origin(file, line)) { promise.settle($0) }
    return try await promise.value
  }

  /// Sends a statement whose answer is of no interest, along with the next one. If it fails, the transaction fails.
  public func send(_ sql: SQL, file: StaticString = #fileID, line: UInt = #line) {
    send(sql, endsSegment: false, Origin(file, line)) { _ in }
  }

  /// Sends a statement along with the next one, or with the commit. `completed` gets its outcome with that one's answer.
  /// If it fails, the server does nothing of what was sent behind it, and the transaction fails.
  public func send(
    _ sql: SQL, file: StaticString = #fileID, line: UInt = #line,
    completed: @escaping @Loop (Result<Rows, PostgresError>) -> Void
  ) {
    send(sql, endsSegment: false, Origin(file, line), completion: completed)
  }

  private func send(_ sql: SQL, endsSegment: Bool, _ origin: Origin, completion: @escaping Connection.Completion) {
    precondition(!ended, "a transaction is used after its end, at \(origin)")
    if let expiry { return completion(.failure(expiry)) }
    if !begun {
      begun = true
      connection.send(beginning, endsSegment: false, origin: origin) { [self] in note($0) }
    }
    connection.send(sql, endsSegment: endsSegment, origin: origin) { [self] in
      note($0)
      completion($0)
    }
  }

  private func note(_ outcome: Result<Rows, PostgresError>) {
    if case .failure(let error) = outcome, firstError == nil { firstError = error }
  }

  /// Ends the transaction for want of time: who waits for an answer gets an error instead.
  func expire(after limit: Duration) {
    let error = PostgresError(.timedOut, "the transaction did not end within \(limit)")
    expiry = error
    for promise in awaited { promise.fail(error) }
  }

  /// Commits. Throws why not, of kind `commitUnknown` when that cannot be known.
  func commit() async throws {
    ended = true
    if let expiry { throw expiry }
    guard begun else { return }
    if !connection.isBusy, let firstError { throw firstError }
    do {
      let tag = try await connection.finish("COMMIT").tag
      // The server answers the COMMIT of a transaction that has failed with "ROLLBACK" and success.
      guard tag == "COMMIT" else { throw firstError ?? PostgresError(.server, "the transaction was rolled back") }
    } catch let error as PostgresError {
      if let firstError, firstError.kind != .connectionLost { throw firstError }
      throw error.kind == .connectionLost ? error.afterCommit : error
    }
  }

  /// Leaves the connection at rest, or closes it. What is still running is stopped.
  func rollBack() async {
    ended = true
    guard begun, connection.isOpen, !connection.isIdle else { return }
    // A segment with an error in it would skip the ROLLBACK.
    connection.sync()
    if connection.isBusy { await connection.cancelRunning() }
    do { _ = try await connection.finish("ROLLBACK") } catch { connection.close() }
  }
}
