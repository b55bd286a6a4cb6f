import EventLoop

/// One connection that many tasks share for single statements: each is sent at once and is a transaction of its own.
@Loop final class Pipeline {
  private let configuration: Database.Configuration
  private let pool: Pool
  private var connection: Connection?
  private var waiting: [Promise<Connection>] = []

  init(_ configuration: Database.Configuration) {
    var configuration = configuration
    configuration.statementTimeout = configuration.queryTimeout
    self.configuration = configuration
    pool = Pool(configuration, size: 1)
  }

  func query(_ sql: SQL, origin: Origin) async throws -> Rows {
    let connection = if let connection, connection.isOpen { connection } else { try await connect() }
    let promise = Promise<Rows>()
    connection.send(sql, origin: origin) { promise.settle($0) }
    return try await promise.value
  }

  /// Whoever comes while there is no connection waits for the same one.
  private func connect() async throws -> Connection {
    guard waiting.count < configuration.maxWaiting else {
      throw PostgresError(.overloaded, "\(waiting.count) queries wait for a database connection already")
    }
    let promise = Promise<Connection>()
    waiting.append(promise)
    if waiting.count == 1 {
      Loop.task { [self] in
        do {
          let connection = try await pool.borrow()
          self.connection = connection
          settleWaiting { $0.fulfil(connection) }
        } catch {
          settleWaiting { $0.fail(error) }
        }
      }
    }
    return try await promise.value
  }

  private func settleWaiting(_ settle: (Promise<Connection>) -> Void) {
    let promises = waiting
    waiting.removeAll()
    for promise in promises { settle(promise) }
  }

  func close() {
    pool.close()
    connection?.close()
  }
}

extension Promise where Value == Rows {
  func settle(_ outcome: Result<Rows, PostgresError>) {
    switch outcome {
    case .success(let rows): fulfil(rows)
    case .failure(let error): fail(error)
    }
  }
}
