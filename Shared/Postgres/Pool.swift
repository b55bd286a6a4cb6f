import EventLoop

/// A bounded set of connections that are opened when they are needed, lent to one borrower at a time, and replaced when
/// they break.
///
/// Connections at rest are watched like busy ones, so one that breaks leaves the pool at once. While none can be opened,
/// borrowers wait; attempts follow one another with back-off.
@Loop final class Pool {
  private let configuration: Database.Configuration
  private let size: Int
  /// At rest; the one used last is taken first.
  private var resting: [Connection] = []
  /// Open or being opened.
  private var count = 0
  private var opening = 0
  private var waiting = FIFO<Promise<Connection>>()
  private var backoff = Backoff()
  private var retry: LoopTimer?
  private var lastFailure: PostgresError?
  private var isClosed = false

  init(_ configuration: Database.Configuration, size: Int) {
    (self.configuration, self.size) = (configuration, size)
  }

  /// Lends a connection at rest. Give it back with `giveBack`.
  ///
  /// Throws `PostgresError` of kind `unavailable` or `overloaded`, or `CancellationError`.
  func borrow(within limit: Duration? = nil) async throws -> Connection {
    guard !isClosed else { throw PostgresError(.unavailable, "the database is closed") }
    if waiting.isEmpty, let connection = resting.popLast() { return connection }
    while waiting.first?.isSettled == true { _ = waiting.popFirst() }
    guard waiting.count < configuration.maxWaiting else {
      throw PostgresError(.overloaded, "\(waiting.count) pieces of work wait for a database connection already")
    }
    let promise = Promise<Connection>()
    waiting.append(promise)
    openMore()
    let limit = min(limit ?? configuration.waitTimeout, configuration.waitTimeout)
    let timer = Loop.schedule(after: limit) { [weak self] in
      let cause = self?.lastFailure.map { ": \($0.message)" } ?? ", all are in use"
      promise.fail(PostgresError(.unavailable, "no database connection within \(limit)\(cause)"))
    }
    defer { timer.cancel() }
    return try await promise.value
  }

  /// Takes a connection back. One that is not at rest is closed.
  func giveBack(_ connection: Connection) {
    guard connection.isOpen else { return }
    guard connection.isIdle, !isClosed else { return connection.close() }
    while let promise = waiting.popFirst() {
      guard promise.isSettled else { return promise.fulfil(connection) }
    }
    resting.append(connection)
  }

  /// Closes what is at rest, and the rest when it comes back; nobody gets a connection any more.
  func close() {
    isClosed = true
    retry?.cancel()
    while let promise = waiting.popFirst() { promise.fail(PostgresError(.unavailable, "the database is closed")) }
    for connection in resting { connection.close() }
  }

  private func openMore() {
    guard !isClosed, retry?.isArmed != true else { return }
    // After a failure one attempt at a time is enough to find out whether the server is back.
    let most = lastFailure == nil ? size : 1
    while count < size, opening < min(waiting.count, most) {
      count += 1
      opening += 1
      Loop.task { [self] in await open() }
    }
  }

  private func open() async {
    do {
      let connection = try await Connection.connect(configuration)
      opening -= 1
      lastFailure = nil
      backoff.reset()
      connection.onClose = { [self] in lost($0) }
      giveBack(connection)
    } catch {
      count -= 1
      opening -= 1
      lastFailure = error as? PostgresError ?? PostgresError(.unavailable, "\(error)")
      if retry?.isArmed != true { retry = Loop.schedule(after: backoff.next()) { [weak self] in self?.openMore() } }
    }
    openMore()
  }

  private func lost(_ connection: Connection) {
    count -= 1
    resting.removeAll { $0 === connection }
    openMore()
  }
}
