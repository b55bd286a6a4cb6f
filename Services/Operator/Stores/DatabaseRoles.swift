import EventLoop
import Postgres

/// The services' roles in PostgreSQL. Each owns the schema of its own name and may do nothing else.
@Loop enum DatabaseRoles {
  /// A role, and what it signs in with.
  struct Role: Equatable, Sendable {
    let name: String
    let password: String
  }

  /// Makes the database `name` if there is none. `url` is the superuser's, for another database. Throws `PostgresError`.
  static func create(_ name: String, at url: String) async throws {
    let database = open(url)
    defer { database.close() }
    if try await database.query("select 1 from pg_database where datname = \(name)").isEmpty {
      try await database.query("create database \(identifier: name)")
    }
  }

  /// Makes the roles and their schemas, all or nothing, in the database of `url`, which is the superuser's. What is there
  /// stays, but for the passwords, which are set anew. Throws `PostgresError`.
  static func setUp(_ roles: [Role], at url: String) async throws {
    let database = open(url)
    defer { database.close() }
    try await database.transaction { transaction in
      // Two that set up at the same time take turns.
      try await transaction.query("select pg_advisory_xact_lock(hashtextextended('mesh roles', 0))")
      let name = try await transaction.query("select current_database()::text").decode(String.self)[0]
      try await transaction.query("revoke all on database \(identifier: name) from public")
      try await transaction.query("revoke all on schema public from public")
      for role in roles {
        if try await transaction.query("select 1 from pg_roles where rolname = \(role.name)").isEmpty {
          try await transaction.query("create role \(identifier: role.name)")
        }
        // The password goes beside the statements: no error and no log shows it with their text.
        try await transaction.query(
          """
          select set_config('skillmesh.role', \(role.name), true), set_config('skillmesh.password', \(role.password), true)
          """)
        try await transaction.query(
          """
          do $$ begin execute format('alter role %I login password %L',
            current_setting('skillmesh.role'), current_setting('skillmesh.password')); end $$
          """)
        try await transaction.query("alter role \(identifier: role.name) set search_path = \(identifier: role.name)")
        try await transaction.query("grant connect on database \(identifier: name) to \(identifier: role.name)")
        try await transaction.query(
          "create schema if not exists \(identifier: role.name) authorization \(identifier: role.name)")
      }
    }
  }

  private static func open(_ url: String) -> Database {
    var configuration = Database.Configuration(url: url, applicationName: "mesh")
    // A slow disk is no reason to fail here.
    configuration.queryTimeout = .seconds(60)
    return Database(configuration)
  }
}
