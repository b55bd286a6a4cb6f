import EventLoop

/// One step in the life of a schema. Steps only go forward and are never changed once they have been applied anywhere.
public struct Migration: Sendable {
  /// Begins with its number, from 1 without gaps: `001_create_members`.
  public let name: String
  /// Statements, separated by semicolons, without transaction commands.
  public let sql: String

  /// Takes the name and the text.
  public init(name: String, sql: String) { (self.name, self.sql) = (name, sql) }
}

extension Database {
  /// Brings the current schema (the first of the role's `search_path`) up to date.
  ///
  /// Each migration is a transaction, recorded in the table `schema_migrations` with a checksum. Processes that start
  /// at the same time take turns. Running it again does nothing.
  ///
  /// Throws `PostgresError`: kind `invalid` when the names are not numbered in order, when the database has been
  /// migrated further than this program knows, or when a recorded migration differs from this program's.
  ///
  /// - Parameter table: Where it is recorded. Lists of migrations that are numbered apart, as a library's beside its
  ///   user's, need a table each.
  public func migrate(_ migrations: [Migration], recordedIn table: String = "schema_migrations") async throws {
    for (index, migration) in migrations.enumerated() {
      guard Int(migration.name.prefix { $0.isNumber }) == index + 1 else {
        throw PostgresError(.invalid, "migration \(migration.name) should begin with the number \(index + 1)")
      }
    }
    var patient = configuration
    patient.statementTimeout = .zero
    patient.lockTimeout = .seconds(60)
    patient.idleInTransactionTimeout = .seconds(60)
    let connection = try await Connection.connect(patient)
    defer { connection.close() }
    let answer = try await connection.finish("select current_schema()::text")
    guard let schema: String = try answer.first?.decode(column: 0, as: String?.self) ?? nil else {
      throw PostgresError(.invalid, "no schema to migrate: the first of the role's search_path does not exist")
    }
    // Held until the connection is closed.
    _ = try await connection.finish("select pg_advisory_lock(hashtextextended(\("migrations of " + schema), 0))")
    _ = try await connection.finish(
      """
      create table if not exists \(identifier: table) (
        number integer primary key, name text not null, checksum text not null,
        applied_at timestamptz not null default now())
      """)
    let applied = try await check(migrations, recordedIn: table, against: connection)
    for (index, migration) in migrations.enumerated().dropFirst(applied) {
      do {
        try await apply(migration, number: index + 1, recordedIn: table, on: connection)
      } catch var error as PostgresError {
        error.message = "migration \(migration.name): \(error.message)"
        throw error
      }
    }
  }

  /// Returns how many migrations have been applied, all of which are the program's.
  private func check(
    _ migrations: [Migration], recordedIn table: String, against connection: Connection
  ) async throws -> Int {
    let recorded = try await connection.finish(
      """
      select m.name, m.checksum = encode(sha256(convert_to(given.sql, 'UTF8')), 'hex')
      from \(identifier: table) m left join unnest(\(migrations.map(\.sql))) with ordinality given (sql, number) using (number)
      order by number
      """)
    for (index, row) in recorded.enumerated() {
      let (name, isSame) = try row.decode(String.self, Bool?.self)
      guard let isSame else {
        throw PostgresError(.invalid, "the database has migration \(name), which is newer than this program: update it")
      }
      guard isSame, name == migrations[index].name else {
        throw PostgresError(
          .invalid,
          "the database has another migration \(name) than this program's \(migrations[index].name): applied migrations are never changed"
        )
      }
    }
    return recorded.count
  }

  private func apply(
    _ migration: Migration, number: Int, recordedIn table: String, on connection: Connection
  ) async throws {
    _ = try await connection.finish("BEGIN")
    try await connection.script(migration.sql)
    guard connection.isInTransaction else {
      throw PostgresError(.invalid, "it must not contain transaction commands")
    }
    _ = try await connection.finish(
      """
      insert into \(identifier: table) (number, name, checksum)
      values (\(number), \(migration.name), encode(sha256(convert_to(\(migration.sql), 'UTF8')), 'hex'))
      """)
    _ = try await connection.finish("COMMIT")
  }
}
