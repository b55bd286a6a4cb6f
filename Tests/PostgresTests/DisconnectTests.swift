import EventLoop
import Glibc
@testable import Postgres
import TestKit
import Testing

@Suite struct DisconnectTests {
  @Test @Loop func `without a server work fails in time and says why`() async throws {
    var configuration = Database.Configuration(
      url: "postgresql:///postgres?host=/nonexistent&user=postgres", applicationName: "tests")
    configuration.waitTimeout = .milliseconds(200)
    let database = Database(configuration)
    defer { database.close() }
    let query = await #expect(throws: PostgresError.self) { try await database.query("select 1") }
    #expect(query?.kind == .unavailable)
    #expect(query?.message.contains("/nonexistent/.s.PGSQL.5432") == true)
    let transaction = await #expect(throws: PostgresError.self) { try await database.transaction { _ in } }
    #expect(transaction?.kind == .unavailable)
    let writer = BatchWriter(database)
    let write = await #expect(throws: PostgresError.self) { try await writer.write("select 1") }
    #expect(write?.kind == .unavailable)
    writer.close()
  }

  @Test @Loop func `a URL that cannot be understood is refused without showing it`() async throws {
    let database = Database(.init(url: "postgresql://user:secret@host/db?nonsense=1", applicationName: "tests"))
    defer { database.close() }
    let error = await #expect(throws: PostgresError.self) { try await database.migrate([]) }
    #expect(error?.kind == .invalid)
    #expect(error?.description.contains("secret") == false)
  }

  @Test @Loop func `a wrong user is refused with the server's words`() async throws {
    let url = try await PostgresServer.shared().url().replacing("user=postgres", with: "user=nobody")
    var configuration = Database.Configuration(url: url, applicationName: "tests")
    configuration.waitTimeout = .milliseconds(300)
    let database = Database(configuration)
    defer { database.close() }
    let error = await #expect(throws: PostgresError.self) { try await database.query("select 1") }
    #expect(error?.message.contains("role \"nobody\" does not exist") == true)
  }

  @Test @Loop func `a session that is killed amid a query fails it, those behind it, and no later ones`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let killed = Task { @Loop in try await database.query("select pg_sleep(60) as killed_amid_query") }
    let finder = try await openDatabase()
    defer { finder.close() }
    let pid = try await backend(of: finder, running: "%killed_amid_query%")
    let behind = Task { @Loop in try await database.query("select 1") }
    try await Loop.sleep(for: .milliseconds(10))
    try await PostgresServer.shared().run("select pg_terminate_backend(\(pid))")
    let first = await #expect(throws: PostgresError.self) { try await killed.value }
    #expect(first?.kind == .connectionLost)
    #expect(first?.state?.rawValue == "57P01")
    let second = await #expect(throws: PostgresError.self) { try await behind.value }
    #expect(second?.kind == .connectionLost)
    #expect(try await database.query("select 1").count == 1)
  }

  @Test @Loop func `a session that is killed at rest is replaced before it is needed`() async throws {
    let database = try await openDatabase { $0.connections = 1 }
    defer { database.close() }
    let first = try await database.transaction { tx in
      try await tx.query("select pg_backend_pid()")[0].decode(Int.self)
    }
    try await PostgresServer.shared().run("select pg_terminate_backend(\(first))")
    try await Loop.sleep(for: .milliseconds(100))
    let second = try await database.transaction { tx in
      try await tx.query("select pg_backend_pid()")[0].decode(Int.self)
    }
    #expect(first != second)
  }

  @Test @Loop func `a session that is killed amid a transaction undoes it, and it can be tried again`() async throws {
    let database = try await openDatabase { $0.connections = 1 }
    defer { database.close() }
    try await database.query("create table items (id bigint)")
    var attempts = 0
    try await database.transaction(attempts: 2) { tx in
      attempts += 1
      try await tx.query("insert into items values (\(attempts))")
      if attempts == 1 {
        let pid = try await tx.query("select pg_backend_pid()")[0].decode(Int.self)
        try await PostgresServer.shared().run("select pg_terminate_backend(\(pid))")
        try await Loop.sleep(for: .milliseconds(50))
      }
      try await tx.query("insert into items values (\(attempts * 10))")
    }
    #expect(attempts == 2)
    #expect(try await database.query("select id from items order by id").decode(Int.self) == [2, 20])
  }

  @Test @Loop func `a session that is killed at COMMIT leaves the outcome unknown`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    // A deferred constraint trigger keeps the COMMIT busy.
    try await database.query("create table slow (id bigint)")
    try await database.query(
      """
      create function sleep_at_commit() returns trigger language plpgsql
      as $$ begin perform pg_sleep(60); return null; end $$
      """)
    try await database.query(
      """
      create constraint trigger t after insert on slow deferrable initially deferred
      for each row execute function sleep_at_commit()
      """)
    let task = Task { @Loop in
      try await database.transaction(attempts: 3) { tx in
        try await tx.query("insert into slow values (1) returning 1 as killed_at_commit")
      }
    }
    let finder = try await openDatabase()
    defer { finder.close() }
    let pid = try await backend(of: finder, running: "COMMIT")
    // Cancelling the task does not make it stop waiting for the outcome.
    task.cancel()
    try await PostgresServer.shared().run("select pg_terminate_backend(\(pid))")
    let error = await #expect(throws: PostgresError.self) { try await task.value }
    #expect(error?.kind == .commitUnknown)
    #expect(error?.isRetryable == false)
    let writer = BatchWriter(database)
    defer { writer.close() }
    let write = Task { @Loop in try await writer.write("insert into slow values (2)") }
    try await PostgresServer.shared().run("select pg_terminate_backend(\(backend(of: finder, running: "COMMIT")))")
    let written = await #expect(throws: PostgresError.self) { try await write.value }
    #expect(written?.kind == .commitUnknown)
  }

  @Test @Loop func `a server that stops answering is given up`() async throws {
    let server = try await PostgresServer()
    var configuration = Database.Configuration(url: server.url(), applicationName: "tests")
    configuration.connections = 1
    configuration.silenceGrace = .milliseconds(100)
    configuration.statementTimeout = .milliseconds(100)
    let database = Database(configuration)
    defer { database.close() }
    let error = await #expect(throws: PostgresError.self) {
      try await database.transaction { tx in
        let pid = try await tx.query("select pg_backend_pid()")[0].decode(Int32.self)
        #expect(Glibc.kill(pid, SIGSTOP) == 0)
        defer { #expect(Glibc.kill(pid, SIGCONT) == 0) }
        try await tx.query("select 1")
      }
    }
    #expect(error?.kind == .connectionLost)
    #expect(error?.message == "the server has not answered for 0.2 seconds")
    #expect(try await database.query("select 1").count == 1)
  }

  @Test @Loop func `a server's restart fails what is under way, and all else goes on`() async throws {
    let server = try await PostgresServer()
    var configuration = Database.Configuration(url: server.url(), applicationName: "tests")
    configuration.waitTimeout = .seconds(30)
    let database = Database(configuration)
    let writer = BatchWriter(database)
    defer {
      database.close()
      writer.close()
    }
    let heard = NotificationTests.Heard()
    let listening = database.listen(to: "news") { heard.all.append($0) }
    defer { listening.cancel() }
    for round in 0..<2 {
      let query = Task { @Loop in try await database.query("select pg_sleep(60) as query_under_way") }
      let transaction = Task { @Loop in
        try await database.transaction { tx in try await tx.query("select pg_sleep(60) as transaction_under_way") }
      }
      try await writer.write("select 1")
      let finder = Database(configuration)
      _ = try await backend(of: finder, running: "%query_under_way%")
      _ = try await backend(of: finder, running: "%transaction_under_way%")
      finder.close()
      try await heard.wait(for: round + 1)
      if round == 0 { try await server.process.stop() } else { try await server.process.kill() }
      for task in [query, transaction] {
        let error = await #expect(throws: PostgresError.self) { try await task.value }
        #expect(error?.kind == .connectionLost)
      }
      // Asked while the server is down, answered when it is back.
      let early = Task { @Loop in
        try await (
          database.query("select 1").count, database.transaction { tx in try await tx.query("select 2").count },
          writer.write("select 3").count
        )
      }
      try await Loop.sleep(for: .milliseconds(100))
      try await server.process.start()
      #expect(try await early.value == (1, 1, 1))
    }
    try await heard.wait(for: 3)
    #expect(heard.all == [.listening, .listening, .listening])
  }
}

@Suite struct NotificationTests {
  @Loop final class Heard {
    var all: [Notification] = []
    /// Waits until `count` notifications have come.
    func wait(for count: Int) async throws {
      for _ in 0..<1000 where all.count < count { try await Loop.sleep(for: .milliseconds(5)) }
    }
  }

  @Test @Loop func `listeners hear their channel until they are cancelled`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let (first, second, other) = (Heard(), Heard(), Heard())
    let listening = database.listen(to: "Odd \"channel\"") { first.all.append($0) }
    database.listen(to: "Odd \"channel\"") { second.all.append($0) }
    database.listen(to: "other") { other.all.append($0) }
    for heard in [first, second, other] { try await heard.wait(for: 1) }
    try await database.query("select pg_notify('Odd \"channel\"', 'one')")
    try await first.wait(for: 2)
    try await second.wait(for: 2)
    listening.cancel()
    try await database.query("select pg_notify('Odd \"channel\"', 'two')")
    try await database.query("notify other")
    try await second.wait(for: 3)
    try await other.wait(for: 2)
    #expect(first.all == [.listening, .received("one")])
    #expect(second.all == [.listening, .received("one"), .received("two")])
    #expect(other.all == [.listening, .received("")])
  }

  @Test @Loop func `a listener whose session is killed listens again and says so`() async throws {
    let database = try await openDatabase { $0.applicationName = "killed listener" }
    defer { database.close() }
    let heard = Heard()
    database.listen(to: "news") { heard.all.append($0) }
    try await heard.wait(for: 1)
    try await PostgresServer.shared().run(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'killed listener'")
    try await heard.wait(for: 2)
    try await database.query("select pg_notify('news', 'later')")
    try await heard.wait(for: 3)
    #expect(heard.all == [.listening, .listening, .received("later")])
  }
}
