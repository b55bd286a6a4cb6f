import Contract
import EventLoop
import Postgres

/// Runs transactions in which handlers work, and does what follows a commit: publishes events, wakes timers.
@Loop final class Transactor {
  let database: Database
  private let publisher: Publisher
  private let pushes: PushOutbox
  /// Told the due time of a timer that was set.
  var timerSet: (@Loop (Timestamp) -> Void)?
  /// Told when shared state has changed.
  var stateShared: (@Loop () -> Void)?

  init(_ database: Database, _ publisher: Publisher, _ pushes: PushOutbox) {
    (self.database, self.publisher, self.pushes) = (database, publisher, pushes)
  }

  /// Runs `body` in a transaction with a `Tx` for handlers; what the handlers emitted is written with the commit and
  /// published after it. Throws what `body` throws, and `PostgresError`.
  func run<Value>(
    now: Timestamp, timeout: Duration, _ body: @Loop (Transaction, Tx) async throws -> Value
  ) async throws -> Value {
    var records: [OutboxRecord] = []
    var pushed: [PushOutbox.Row] = []
    var timer: Timestamp?
    var hasShared = false
    let value = try await database.transaction(timeout: timeout) { transaction in
      let tx = Tx(transaction, pushes, now: now)
      let value = try await body(transaction, tx)
      if tx.hasEmitted { FaultPoint.beforeCommit.reach() }
      tx.writeEmitted { records = $0 }
      pushed = tx.pushed
      timer = tx.earliestTimer
      hasShared = tx.hasShared
      return value
    }
    if !records.isEmpty { FaultPoint.afterCommit.reach() }
    publisher.publish(records)
    pushes.send(pushed)
    if let timer { timerSet?(timer) }
    if hasShared { stateShared?() }
    return value
  }
}

extension PostgresError {
  /// Whether the way to the database is in trouble, or others are in the way: doing it again later helps, and what was to
  /// be done is not at fault.
  var passes: Bool { isRetryable || kind == .commitUnknown }
}
