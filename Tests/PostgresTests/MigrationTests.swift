import EventLoop
import Postgres
import TestKit
import Testing

@Suite struct MigrationTests {
  let migrations = [
    Migration(
      name: "001_create_members",
      sql: "create table members (id bigint); create index on members (id); insert into members values (1);"),
    Migration(name: "002_name_members", sql: "alter table members add name text not null default 'x'"),
  ]

  @Test @Loop func `migrations are applied in order, once`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    try await database.migrate(Array(migrations.prefix(1)))
    try await database.migrate(migrations)
    try await database.migrate(migrations)
    let (id, name) = try await database.query("select id, name from members")[0].decode(Int.self, String.self)
    #expect((id, name) == (1, "x"))
    let recorded = try await database.query("select name from schema_migrations order by number")
    #expect(try recorded.decode(String.self) == ["001_create_members", "002_name_members"])
  }

  @Test @Loop func `processes that migrate at the same time take turns`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let tasks = (0..<6).map { _ in Task { @Loop in try await database.migrate(migrations) } }
    for task in tasks { try await task.value }
    #expect(try await database.query("select 1 from members").count == 1)
  }

  @Test @Loop func `a database that is newer or has diverged is refused`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    try await database.migrate(migrations)
    let newer = await #expect(throws: PostgresError.self) { try await database.migrate(Array(migrations.prefix(1))) }
    #expect(
      newer?.message == "the database has migration 002_name_members, which is newer than this program: update it")
    var changed = migrations
    changed[1] = Migration(name: "002_name_members", sql: "select 1")
    let diverged = await #expect(throws: PostgresError.self) { try await database.migrate(changed) }
    #expect(diverged?.kind == .invalid)
    #expect(diverged?.message.hasPrefix("the database has another migration 002_name_members") == true)
  }

  @Test @Loop func `a migration that fails leaves nothing behind, and those before it stay`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let broken = Migration(name: "003_break", sql: "create table half (id int); select 1 / 0;")
    let error = await #expect(throws: PostgresError.self) { try await database.migrate(migrations + [broken]) }
    #expect(error?.message == "migration 003_break: division by zero")
    #expect(error?.state?.rawValue == "22012")
    let tables = try await database.query("select to_regclass('half')::text, (select count(*) from schema_migrations)")
    let (half, count) = try tables[0].decode(String?.self, Int.self)
    #expect(half == nil && count == 2)
    let commits = Migration(name: "003_commit", sql: "create table half (id int); commit;")
    let refused = await #expect(throws: PostgresError.self) { try await database.migrate(migrations + [commits]) }
    #expect(refused?.message == "migration 003_commit: it must not contain transaction commands")
    try await database.migrate(migrations)
  }

  @Test @Loop func `names are numbered without gaps`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let misnamed = [migrations[0], Migration(name: "003_gap", sql: "select 1")]
    let error = await #expect(throws: PostgresError.self) { try await database.migrate(misnamed) }
    #expect(error?.message == "migration 003_gap should begin with the number 2")
  }
}
