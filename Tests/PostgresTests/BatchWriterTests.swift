import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct BatchWriterTests {
  @Loop func openItems() async throws -> Database {
    let database = try await openDatabase()
    try await database.query("create table items (id bigint primary key, batch xid default pg_current_xact_id()::xid)")
    return database
  }

  @Test @Loop func `many writes share few commits and each gets its own answer`() async throws {
    let database = try await openItems()
    let writer = BatchWriter(database, maxBatch: 100)
    defer {
      database.close()
      writer.close()
    }
    let tasks = (0..<1000).map { number in
      Task { @Loop in try await writer.write("insert into items values (\(number)) returning id") }
    }
    for (number, task) in tasks.enumerated() { #expect(try await task.value[0][0].decode(Int.self) == number) }
    let counts = try await database.query("select count(*), count(distinct batch::text) from items")
    let (rows, commits) = try counts[0].decode(Int.self, Int.self)
    #expect(rows == 1000)
    #expect(commits >= 10 && commits < 30)
  }

  @Test @Loop func `an item that fails fails alone`() async throws {
    let database = try await openItems()
    let writer = BatchWriter(database)
    defer {
      database.close()
      writer.close()
    }
    try await database.query("insert into items values (7), (11)")
    let tasks = (0..<20).map { number in
      Task { @Loop in
        if number == 13 { return try await writer.write("insert into nowhere values (\(number))") }
        return try await writer.write("insert into items values (\(number))", "select \(number)")
      }
    }
    for (number, task) in tasks.enumerated() {
      switch number {
      case 7, 11:
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.state == .uniqueViolation)
        #expect(error?.detail == "Key (id)=(\(number)) already exists.")
      case 13:
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.state?.rawValue == "42P01")
      default: #expect(try await task.value[1][0].decode(Int.self) == number)
      }
    }
    let ids = try await database.query("select id from items order by id").decode(Int.self)
    #expect(ids == (0..<20).filter { $0 != 13 })
  }

  @Test @Loop func `an item is written wholly or not at all, and a fault found at commit is its own too`() async throws
  {
    let database = try await openItems()
    let writer = BatchWriter(database)
    defer {
      database.close()
      writer.close()
    }
    try await database.query("create table parts (item bigint references items deferrable initially deferred)")
    let tasks = (0..<9).map { number in
      Task { @Loop in
        try await writer.write(
          "insert into items values (\(number))", "insert into parts values (\(number == 4 ? 99 : number))")
      }
    }
    for (number, task) in tasks.enumerated() {
      guard number == 4 else {
        _ = try await task.value
        continue
      }
      let error = await #expect(throws: PostgresError.self) { try await task.value }
      #expect(error?.state == .foreignKeyViolation)
    }
    let ids = try await database.query("select id from items order by id").decode(Int.self)
    #expect(ids == [0, 1, 2, 3, 5, 6, 7, 8])
  }

  @Test @Loop func `what is more than may wait is refused, what is cancelled before is not written`() async throws {
    let database = try await openItems()
    let writer = BatchWriter(database, maxWaiting: 1)
    defer {
      database.close()
      writer.close()
    }
    let tasks = (0..<3).map { number in
      Task { @Loop in try await writer.write("insert into items values (\(number))") }
    }
    tasks[1].cancel()
    _ = try await tasks[0].value
    await #expect(throws: CancellationError.self) { try await tasks[1].value }
    let error = await #expect(throws: PostgresError.self) { try await tasks[2].value }
    #expect(error?.kind == .overloaded)
    _ = try await writer.write("insert into items values (5)")
    let ids = try await database.query("select id from items order by id").decode(Int.self)
    #expect(ids == [0, 5])
  }
}
