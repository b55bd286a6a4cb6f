import Contract
import EventLoop
import Postgres
import TestKit
import Testing

/// A database in a schema of its own on the server that the tests share.
@Loop func openDatabase(_ change: (inout Database.Configuration) -> Void = { _ in }) async throws -> Database {
  var configuration = Database.Configuration(
    url: try await PostgresServer.shared().freshURL(), applicationName: "tests")
  change(&configuration)
  return Database(configuration)
}

@Suite struct ValuesTests {
  /// Sends a value to the server and has it sent back as a column of `type`.
  @Loop func echo<Value: PostgresEncodable & PostgresDecodable>(
    _ value: Value, as type: String, on database: Database
  ) async throws -> Value {
    var sql: SQL = "select \(value)"
    sql += SQL(trusted: "::\(type)")
    let rows = try await database.query(sql)
    return try #require(rows.first).decode(Value.self)
  }

  @Test @Loop func `every type comes back as it went, at its limits too`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    for value: Int16 in [.min, -1, 0, .max] { #expect(try await echo(value, as: "smallint", on: database) == value) }
    for value: Int32 in [.min, -1, 0, .max] { #expect(try await echo(value, as: "integer", on: database) == value) }
    for value: Int64 in [.min, -1, 0, .max] { #expect(try await echo(value, as: "bigint", on: database) == value) }
    for value in [Int.min, 0, .max] { #expect(try await echo(value, as: "bigint", on: database) == value) }
    for value in [true, false] { #expect(try await echo(value, as: "boolean", on: database) == value) }
    for value in [0, -0.1, .infinity, .greatestFiniteMagnitude, .leastNonzeroMagnitude] {
      #expect(try await echo(value, as: "double precision", on: database) == value)
    }
    for value in ["", "grüße", "'; drop table x; --", "a\\b\"c$1", String(repeating: "é", count: 1 << 20)] {
      #expect(try await echo(value, as: "text", on: database) == value)
    }
    for value: [UInt8] in [[], [0, 1, 255], Array(repeating: 7, count: 3 << 20)] {
      #expect(try await echo(value, as: "bytea", on: database) == value)
    }
    let id = UniqueID(high: 0x0123_4567_89ab_7def, low: .max)
    #expect(try await echo(id, as: "uuid", on: database) == id)
    #expect(try await echo(MemberID(id), as: "uuid", on: database) == MemberID(id))
    for microseconds: Int64 in [0, -1, 1_700_000_000_123_456, -62_135_596_800_000_000] {
      let time = Timestamp(microseconds: microseconds)
      #expect(try await echo(time, as: "timestamptz", on: database) == time)
    }
    for value: Duration in [.zero, .microseconds(-1), .seconds(90_061)] {
      #expect(try await echo(value, as: "interval", on: database) == value)
    }
    let document = JSONDocument(Array(#"{"a": [1, null]}"#.utf8))
    #expect(try await echo(document, as: "jsonb", on: database) == document)
  }

  @Test @Loop func `arrays come back as they went, empty ones too`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    #expect(try await echo([Int64](), as: "bigint[]", on: database) == [])
    #expect(try await echo([1, .min, .max] as [Int64], as: "bigint[]", on: database) == [1, .min, .max])
    #expect(try await echo(["", "a,b", "{\"}"], as: "text[]", on: database) == ["", "a,b", "{\"}"])
    let ids = (0..<1000).map { UniqueID(high: UInt64($0), low: 1) }
    #expect(try await echo(ids, as: "uuid[]", on: database) == ids)
    #expect(try await echo([1, nil, 2] as [Int64?], as: "bigint[]", on: database) == [1, nil, 2])
    #expect(try await echo([nil, "null"] as [String?], as: "text[]", on: database) == [nil, "null"])
    let rows = try await database.query("select v from unnest(\(["b", "a"])) with ordinality u (v, n) order by n")
    let names = try rows.decode(String.self)
    #expect(names == ["b", "a"])
  }

  @Test @Loop func `the server's notion of a value agrees with ours`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let rows = try await database.query(
      """
      select timestamptz '2026-03-01T09:30:00.25Z', interval '1 day 00:00:01.5', uuid '00000000-0000-0001-0000-000000000002',
        -5::int2, 6::int4, 1.5::float4, '{"k":1}'::json, 'x'::varchar(5)
      """)
    let (time, length, id, small, medium, real, json, text) = try #require(rows.first).decode(
      Timestamp.self, Duration.self, UniqueID.self, Int.self, Int64.self, Double.self, JSONDocument.self, String.self)
    #expect(time == Timestamp("2026-03-01T09:30:00.250Z"))
    #expect(length == .milliseconds(86_401_500))
    #expect(id == UniqueID(high: 1, low: 2))
    #expect((small, medium, real) == (-5, 6, 1.5))
    #expect(json == JSONDocument(Array(#"{"k":1}"#.utf8)))
    #expect(text == "x")
  }

  @Test @Loop func `NULL is nil for optionals and an error for the rest`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let absent: Int64? = nil
    let present: String? = "here"
    let rows = try await database.query("select \(absent) as a, \(present)::text as b, null::uuid as c")
    let row = try #require(rows.first)
    let (a, b, c) = try row.decode(Int64?.self, String?.self, UniqueID?.self)
    #expect(a == nil && b == "here" && c == nil)
    #expect(try row.decode("b", as: String.self) == "here")
    let error = #expect(throws: PostgresError.self) { try row.decode(Int64.self) }
    #expect(error?.message == "column a is NULL, which only an optional can hold")
  }

  @Test @Loop func `a column of another type is refused and named`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let rows = try await database.query("select sum(v) as total, 300 as wide from unnest(\([1, 2])) v")
    let row = try #require(rows.first)
    let numeric = #expect(throws: PostgresError.self) { try row.decode("total", as: Int64.self) }
    #expect(numeric?.kind == .decoding)
    #expect(numeric?.message == "column total is of type 1700, not readable as Int64")
    #expect(numeric?.hint == "cast it in SQL, for instance ::bigint (sums of bigint are numeric)")
    #expect(throws: PostgresError.self) { try row.decode("wide", as: String.self) }
    #expect(throws: PostgresError.self) { try row.decode("absent", as: Int.self) }
    #expect(throws: PostgresError.self) { try row.decode(column: 2, as: Int.self) }
    #expect(try row.decode("wide", as: Int16.self) == 300)
  }

  @Test @Loop func `text takes the type of its place, and raw values pass through`() async throws {
    enum Mood: String, PostgresEncodable, PostgresDecodable { case calm, keen }
    let database = try await openDatabase()
    defer { database.close() }
    try await database.query("create type mood as enum ('calm', 'keen', 'odd')")
    try await database.query("create table people (mood mood, notes jsonb, score numeric)")
    try await database.query("insert into people values (\(Mood.keen), \(#"{"a":1}"#), \("1.50"))")
    let rows = try await database.query("select mood, notes, score::text from people where mood = \(Mood.keen)")
    let (mood, notes, score) = try #require(rows.first).decode(Mood.self, String.self, String.self)
    #expect((mood, notes, score) == (.keen, #"{"a": 1}"#, "1.50"))
    let odd = try await database.query("select 'odd'::mood")
    #expect(throws: PostgresError.self) { try odd[0].decode(Mood.self) }
  }

  @Test @Loop func `a zero character in text is refused before it is sent`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let error = await #expect(throws: PostgresError.self) { try await database.query("select \("a\0b")::text") }
    #expect(error?.kind == .invalid)
    #expect(error?.message == "a text parameter contains a zero character")
  }

  @Test @Loop func `statements are put together from parts, and names are quoted`() async throws {
    let database = try await openDatabase()
    defer { database.close() }
    let table = "odd \"name\""
    try await database.query("create table \(identifier: table) (id bigint, name text)")
    try await database.query("insert into \(identifier: table) values (1, 'a'), (2, 'b'), (3, '$1')")
    var sql: SQL = "select id from \(identifier: table) where id > \(0)"
    let name: SQL = "name in ('$1', \("b"))"
    sql += " and \(name)"
    sql += " and id < \(10) order by id"
    let ids = try await database.query(sql).decode(Int.self)
    #expect(ids == [2, 3])
  }
}
