import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct TransactionTests {
  /// A database with one table, `items (id bigint primary key, name text not null)`.
  @Loop func openItems(_ change: (inout Database.Configuration) -> Void = { _ in }) async throws -> Database {
    let database = try await openDatabase(change)
    try await database.query("create table items (id bigint primary key, name text not null)")
    return database
  }

  @Loop func names(_ database: Database) async throws -> [String] {
    try await database.query("select name from items order by id").decode(String.self)
  }

  struct Refusal: Error {}

  @Test @Loop func `what a transaction did is committed when it returns and undone when it throws`() async throws {
    let database = try await openItems()
    defer { database.close() }
    let affected = try await database.transaction { tx in
      tx.send("insert into items values (1, 'one')")
      tx.send("insert into items values (2, 'two')")
      return try await tx.query("update items set name = upper(name)").affected
    }
    #expect(affected == 2)
    await #expect(throws: Refusal.self) {
      try await database.transaction { tx in
        try await tx.query("insert into items values (3, 'three')")
        throw Refusal()
      }
    }
    #expect(try await names(database) == ["ONE", "TWO"])
  }

  @Test @Loop func `a transaction that sends nothing costs nothing`() async throws {
    let database = try await openItems { $0.connections = 1 }
    defer { database.close() }
    for _ in 0..<3 { #expect(try await database.transaction { _ in 5 } == 5) }
  }

  @Test @Loop func `a refused statement says what it violated and where it was asked`() async throws {
    let database = try await openItems()
    defer { database.close() }
    try await database.query("insert into items values (1, 'one')")
    let line: UInt = #line + 2
    let work: @Loop (Transaction) async throws -> Void = { tx in
      try await tx.query("insert into items values (\(1), \("again"))")
    }
    let error = await #expect(throws: PostgresError.self) { try await database.transaction(work) }
    #expect(error?.kind == .server)
    #expect(error?.state == .uniqueViolation)
    #expect(error?.constraint == "items_pkey")
    #expect(error?.table == "items")
    #expect(error?.detail == "Key (id)=(1) already exists.")
    #expect(error?.statement == "insert into items values ($1, $2)")
    #expect(error?.origin?.line == line)
    #expect(error?.isRetryable == false)
  }

  @Test @Loop func `a failure of a statement that nobody waited for fails the transaction`() async throws {
    let database = try await openItems()
    defer { database.close() }
    let error = await #expect(throws: PostgresError.self) {
      try await database.transaction { tx in
        tx.send("insert into items values (1, 'one')")
        tx.send("insert into items values (2, null)")
      }
    }
    #expect(error?.state == .notNullViolation)
    #expect(error?.column == "name")
    let swallowed = await #expect(throws: PostgresError.self) {
      try await database.transaction { tx in
        _ = try? await tx.query("insert into items values (2, null)")
      }
    }
    #expect(swallowed?.state == .notNullViolation)
    #expect(try await names(database) == [])
  }

  @Test @Loop func `a constraint that is checked at commit is an error of the commit`() async throws {
    let database = try await openItems()
    defer { database.close() }
    try await database.query("create table parts (item bigint references items deferrable initially deferred)")
    let error = await #expect(throws: PostgresError.self) {
      try await database.transaction { tx in try await tx.query("insert into parts values (9)") }
    }
    #expect(error?.state == .foreignKeyViolation)
    let alone = await #expect(throws: PostgresError.self) { try await database.query("insert into parts values (9)") }
    #expect(alone?.state == .foreignKeyViolation)
    #expect(try await database.query("select 1 from parts").count == 0)
    #expect(try await database.query("select 1").count == 1)
  }

  @Test @Loop func `a serialization failure is tried again, a refusal is not`() async throws {
    let database = try await openItems()
    defer { database.close() }
    try await database.query("insert into items values (1, '')")
    var attempts = 0
    try await database.transaction(isolation: .repeatableRead, attempts: 3) { tx in
      attempts += 1
      try await tx.query("select * from items")
      // Somebody else changes the row in between, once.
      if attempts == 1 { try await database.query("update items set name = name || 'x'") }
      try await tx.query("update items set name = name || 'y'")
    }
    #expect(attempts == 2)
    #expect(try await names(database) == ["xy"])
    attempts = 0
    await #expect(throws: Refusal.self) {
      try await database.transaction(attempts: 3) { _ in
        attempts += 1
        throw Refusal()
      }
    }
    #expect(attempts == 1)
  }

  @Test @Loop func `a lock that cannot be had in time is an error that may be retried`() async throws {
    let database = try await openItems { $0.lockTimeout = .milliseconds(50) }
    defer { database.close() }
    try await database.query("insert into items values (1, '')")
    try await database.transaction { tx in
      try await tx.query("update items set name = 'held'")
      let error = await #expect(throws: PostgresError.self) { try await database.query("update items set name = 'no'") }
      #expect(error?.state == .lockNotAvailable)
      #expect(error?.isRetryable == true)
    }
  }

  @Test @Loop func `a statement that takes too long is stopped by the server`() async throws {
    let database = try await openDatabase { $0.statementTimeout = .milliseconds(50) }
    defer { database.close() }
    let error = await #expect(throws: PostgresError.self) {
      try await database.transaction { tx in try await tx.query("select pg_sleep(60)") }
    }
    #expect(error?.state == .queryCanceled)
    #expect(try await database.query("select 1").count == 1)
  }

  @Test @Loop func `a transaction whose task is cancelled is stopped, and its connection is used again`() async throws {
    let database = try await openItems { $0.connections = 1 }
    defer { database.close() }
    let task = Task { @Loop in
      try await database.transaction { tx in
        try await tx.query("insert into items values (1, 'one')")
        try await tx.query("select pg_sleep(60) as to_be_cancelled")
      }
    }
    let pid = try await backend(of: database, running: "%to_be_cancelled%")
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    let next = try await database.transaction { tx in
      try #require(try await tx.query("select pg_backend_pid()").first).decode(Int.self)
    }
    #expect(next == pid)
    #expect(try await names(database) == [])
  }

  @Test @Loop func `a transaction that runs out of time is stopped`() async throws {
    let database = try await openItems { $0.connections = 1 }
    defer { database.close() }
    try await database.transaction { tx in _ = try await tx.query("select 1") }
    let error = await #expect(throws: PostgresError.self) {
      try await database.transaction(timeout: .milliseconds(50)) { tx in
        try await tx.query("insert into items values (1, 'one')")
        try await tx.query("select pg_sleep(60)")
      }
    }
    #expect(error?.kind == .timedOut)
    // The body may have gone on without noticing.
    try await database.transaction { tx in _ = try await tx.query("select 1") }
    let late = await #expect(throws: PostgresError.self) {
      try await database.transaction(timeout: .milliseconds(20)) { tx in
        try await tx.query("insert into items values (1, 'one')")
        try await Loop.sleep(for: .milliseconds(60))
      }
    }
    #expect(late?.kind == .timedOut)
    #expect(try await names(database) == [])
  }

  @Test @Loop func `a transaction that does nothing loses its session`() async throws {
    let database = try await openItems { $0.idleInTransactionTimeout = .milliseconds(50) }
    defer { database.close() }
    let error = await #expect(throws: PostgresError.self) {
      try await database.transaction { tx in
        try await tx.query("insert into items values (1, 'one')")
        try await Loop.sleep(for: .milliseconds(300))
        try await tx.query("insert into items values (2, 'two')")
      }
    }
    #expect(error?.kind == .connectionLost)
    #expect(error?.isRetryable == true)
    #expect(try await names(database) == [])
  }

  @Test @Loop func `work beyond the pool waits, then fails, and more than may wait is refused`() async throws {
    let database = try await openDatabase {
      $0.connections = 2
      $0.maxWaiting = 3
      $0.waitTimeout = .milliseconds(200)
    }
    defer { database.close() }
    let gate = Promise<Void>()
    var running = 0
    let holders = (0..<2).map { _ in
      Task { @Loop in
        try await database.transaction { tx in
          try await tx.query("select 1")
          running += 1
          while !gate.isSettled { try await Loop.sleep(for: .milliseconds(1)) }
        }
      }
    }
    while running < 2 { try await Loop.sleep(for: .milliseconds(1)) }
    let waiters = (0..<3).map { _ in Task { @Loop in try await database.transaction { _ in } } }
    try await Loop.sleep(for: .milliseconds(10))
    let refused = await #expect(throws: PostgresError.self) { try await database.transaction { _ in } }
    #expect(refused?.kind == .overloaded)
    waiters[0].cancel()
    await #expect(throws: CancellationError.self) { try await waiters[0].value }
    for waiter in waiters[1...] {
      let error = await #expect(throws: PostgresError.self) { try await waiter.value }
      #expect(error?.kind == .unavailable)
      #expect(error?.message == "no database connection within 0.2 seconds, all are in use")
    }
    let patient = Task { @Loop in try await database.transaction { tx in try await tx.query("select 1").count } }
    try await Loop.sleep(for: .milliseconds(10))
    gate.fulfil(())
    #expect(try await patient.value == 1)
    for holder in holders { try await holder.value }
  }
}

/// The process id of the server's session that runs a statement like `pattern`.
@Loop func backend(of database: Database, running pattern: String) async throws -> Int {
  for _ in 0..<500 {
    let rows = try await database.query(
      """
      select pid from pg_stat_activity
      where query like \(pattern) and state = 'active' and pid <> pg_backend_pid()
      """)
    if let row = rows.first { return try row.decode(Int.self) }
    try await Loop.sleep(for: .milliseconds(10))
  }
  Issue.record("no session runs \(pattern)")
  return 0
}
