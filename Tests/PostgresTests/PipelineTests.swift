import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct PipelineTests {
  @Test @Loop func `many queries at once each get their own answer, errors among them`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    try await database.query("select 1")
    let tasks = (0..<2000).map { number in
      Task { @Loop in
        switch number % 10 {
        case 3: try await database.query("select 1 / (\(number) - \(number))")
        case 7: try await database.query("selec \(number)")
        default: try await database.query("select \(number)")
        }
      }
    }
    for (number, task) in tasks.enumerated() {
      switch number % 10 {
      case 3:
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.state?.rawValue == "22012")
      case 7:
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.state?.rawValue == "42601")
      default:
        #expect(try await task.value.first?.decode(Int.self) == number)
      }
    }
  }

  @Test @Loop func `they share one session and are sent without waiting`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    try await database.query("select 1")
    let slow = Task { @Loop in try await database.query("select pg_backend_pid(), pg_sleep(0.1)") }
    let quick = Task { @Loop in try await database.query("select pg_backend_pid(), clock_timestamp() - now()") }
    let (first, second) = try (await slow.value[0].decode(Int.self), await quick.value[0].decode(Int.self))
    #expect(first == second)
  }

  @Test @Loop func `more than may be under way is refused`() async throws {
    let database = try await openDatabase { $0.maxInFlight = 40 }
    defer { database.close() }
    try await database.query("select 1")
    let tasks = (0..<100).map { number in Task { @Loop in try await database.query("select \(number)").count } }
    var answered = 0
    var refused = 0
    for task in tasks {
      do { answered += try await task.value } catch let error as PostgresError {
        #expect(error.kind == .overloaded)
        refused += 1
      }
    }
    #expect(answered == 20 && refused == 80)
    #expect(try await database.query("select 1").count == 1)
  }

  @Test @Loop func `more bytes than may be under way are refused`() async throws {
    let database = try await openDatabase { $0.maxBytesInFlight = 1 << 20 }
    defer { database.close() }
    try await database.query("select 1")
    let large = [UInt8](repeating: 1, count: 600_000)
    let tasks = (0..<3).map { _ in Task { @Loop in try await database.query("select length(\(large))") } }
    #expect(try await tasks[0].value[0].decode(Int.self) == 600_000)
    #expect(try await tasks[1].value[0].decode(Int.self) == 600_000)
    let error = await #expect(throws: PostgresError.self) { try await tasks[2].value }
    #expect(error?.kind == .overloaded)
  }

  @Test @Loop func `questions and answers larger than every buffer pass at once`() async throws {
    let database = try await openDatabase { $0.queryTimeout = .seconds(60) }
    defer { database.close() }
    let large = [UInt8](repeating: 1, count: 2 << 20)
    let tasks = (0..<8).map { number in
      Task { @Loop in try await database.query("select \(number), \(large), repeat('x', 3000000)") }
    }
    for (number, task) in tasks.enumerated() {
      let (found, bytes, text) = try await task.value[0].decode(Int.self, [UInt8].self, String.self)
      #expect(found == number && bytes == large && text.utf8.count == 3_000_000)
    }
  }

  @Test @Loop func `a query whose task is cancelled leaves the others alone`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let slow = Task { @Loop in try await database.query("select pg_sleep(0.2)") }
    let behind = Task { @Loop in try await database.query("select 5") }
    try await Loop.sleep(for: .milliseconds(30))
    slow.cancel()
    await #expect(throws: CancellationError.self) { try await slow.value }
    #expect(try await behind.value[0].decode(Int.self) == 5)
  }

  @Test @Loop func `prepared statements are bounded and follow changes of the tables`() async throws {
    let database = try await openDatabase { $0.preparedStatements = 8 }
    defer { database.close() }
    for round in 0..<3 {
      for number in 0..<30 {
        let sql = SQL(trusted: "select \(number) as c\(number)")
        #expect(try await database.query(sql)[0].decode(Int.self) == number, "round \(round)")
      }
    }
    let prepared = try await database.query("select count(*) from pg_prepared_statements")
    #expect(try prepared[0].decode(Int.self) == 8)
    try await database.query("create table changing (a bigint)")
    try await database.query("insert into changing values (1)")
    let all: SQL = "select * from changing"
    #expect(try await database.query(all)[0].decode(Int.self) == 1)
    try await database.query("alter table changing add b text default 'b'")
    // The first use after the change may be refused; then it is prepared anew.
    _ = try? await database.query(all)
    let (a, b) = try await database.query(all)[0].decode(Int.self, String.self)
    #expect((a, b) == (1, "b"))
  }

  @Test @Loop func `the same text with other types is another statement`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    for _ in 0..<2 {
      #expect(try await database.query("select pg_typeof(\(1))::text")[0].decode(String.self) == "bigint")
      #expect(try await database.query("select pg_typeof(\(true))::text")[0].decode(String.self) == "boolean")
    }
  }

  @Test @Loop func `what the server remarks is passed on`() async throws {
    @Loop final class Remarks { var heard: [String] = [] }
    let remarks = Remarks()
    let database = try await openDatabase { $0.onNotice = { remarks.heard.append("\($0): \($1)") } }
    defer { database.close() }
    try await database.query("do $$ begin raise warning 'careful'; end $$")
    #expect(remarks.heard == ["WARNING: careful"])
  }
}
