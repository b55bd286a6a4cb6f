import EventLoop

/// A PostgreSQL database, as one process uses it.
///
/// **Overview.** libpq without blocking, on the event loop. There are three ways in:
/// - `query`: one statement that is a transaction of its own. All of them share one connection, each sent without
///   waiting for earlier answers. For reads by key; a slow statement holds up the others.
/// - `transaction`: several statements that take effect together, on a connection of their own from a small pool.
/// - `BatchWriter`: many small writes, gathered into few commits.
///
/// `listen` hears notifications; `migrate` brings the schema up to date.
///
/// **Failures.** Connections are replaced when they break and after a server's restart. What was under way fails with a
/// `PostgresError`, whose `kind` says what is known about the outcome; nothing is repeated unless the caller asks.
///
/// **Bounds.** Waiting work, statements and bytes under way, statement times, lock times, idle times and prepared
/// statements are all limited by the `Configuration`.
///
/// **Life cycle.** Connections are opened when first needed. `close()` ends it.
@Loop public final class Database {
  /// What this database was opened with.
  public let configuration: Configuration
  private let pool: Pool
  private let pipeline: Pipeline
  private let notifications: Notifications

  /// Prepares to use a database; connects at first use.
  public init(_ configuration: Configuration) {
    self.configuration = configuration
    pool = Pool(configuration, size: configuration.connections)
    pipeline = Pipeline(configuration)
    notifications = Notifications(configuration)
  }

  /// Ends it: what waits fails, transactions that are open may end, connections at rest are closed.
  public func close() {
    pool.close()
    pipeline.close()
    notifications.close()
  }

  /// Sends one statement, which is committed by itself, and waits for its answer.
  ///
  /// Throws `PostgresError`. When the task is cancelled, throws `CancellationError`; the statement runs to its end.
  @discardableResult
  public func query(_ sql: SQL, file: StaticString = #fileID, line: UInt = #line) async throws -> Rows {
    try await pipeline.query(sql, origin: Origin(file, line))
  }

  /// What a transaction sees of those beside it (manual, section 13.2).
  public enum Isolation: Sendable {
    /// Each statement sees what was committed before it began.
    case readCommitted
    /// All statements see what was committed before the first began.
    case repeatableRead
    /// As if transactions ran one after another; conflicts fail as retryable.
    case serializable

    var beginning: SQL {
      switch self {
      case .readCommitted: "BEGIN"
      case .repeatableRead: "BEGIN ISOLATION LEVEL REPEATABLE READ"
      case .serializable: "BEGIN ISOLATION LEVEL SERIALIZABLE"
      }
    }
  }

  /// Runs `body` in a transaction: what it did is committed when it returns and undone when it throws.
  ///
  /// - Parameters:
  ///   - attempts: How often to try at most, when the transaction fails with an error that is retryable. `body` is then
  ///     called again, so it must have no effects outside of the transaction.
  ///   - timeout: When to give up, counted from the call; waiting for a connection and all attempts included. A
  ///     statement that runs then is stopped.
  ///
  /// Throws what `body` throws, `PostgresError`, or `CancellationError`. An error of kind `commitUnknown` means that the
  /// transaction took effect or did not. A COMMIT that has been sent is waited for even when the task is cancelled.
  public func transaction<Value>(
    isolation: Isolation = .readCommitted, attempts: Int = 1, timeout: Duration? = nil,
    _ body: @Loop (Transaction) async throws -> Value
  ) async throws -> Value {
    let deadline = timeout.map { ContinuousClock.now + $0 }
    var attempt = 1
    while true {
      do {
        let remaining = deadline.map { ContinuousClock.now.duration(to: $0) }
        return try await attemptTransaction(isolation, remaining, body)
      } catch let error as PostgresError where error.isRetryable && attempt < attempts {
        attempt += 1
        try await Loop.sleep(for: .milliseconds(5 * attempt) * Double.random(in: 0.2...1))
      }
    }
  }

  private func attemptTransaction<Value>(
    _ isolation: Isolation, _ remaining: Duration?, _ body: @Loop (Transaction) async throws -> Value
  ) async throws -> Value {
    let connection = try await pool.borrow(within: remaining)
    let transaction = Transaction(connection, beginning: isolation.beginning)
    let timer = remaining.map { limit in Loop.schedule(after: limit) { transaction.expire(after: limit) } }
    defer { timer?.cancel() }
    do {
      let value = try await body(transaction)
      try Task.checkCancellation()
      timer?.cancel()
      try await transaction.commit()
      pool.giveBack(connection)
      return value
    } catch {
      // Nobody needs to wait for this, and the task may be cancelled.
      Loop.task { [self] in
        await transaction.rollBack()
        pool.giveBack(connection)
      }
      throw error
    }
  }

  /// Calls `handler` for each notification on `channel`, until it is cancelled or the database is closed.
  ///
  /// `handler` gets `.listening` whenever listening has begun or begun again: what was sent before may have been missed,
  /// so look at the tables now.
  @discardableResult
  public func listen(to channel: String, _ handler: @escaping @Loop (Notification) -> Void) -> Listening {
    notifications.listen(to: channel, handler)
  }
}
