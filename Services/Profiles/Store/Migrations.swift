import Postgres

/// The steps in the life of profiles' schema, embedded from `Migrations/`. A new one is a file and a line here.
enum Migrations {
  static let all = [
    // Embedding turns the first digit of a file's name into an underscore.
    Migration(name: "001_profiles", sql: text(PackageResources._01_profiles_sql)),
    Migration(name: "002_taxonomy", sql: text(PackageResources._02_taxonomy_sql)),
    Migration(name: "003_discovery", sql: text(PackageResources._03_discovery_sql)),
    Migration(name: "004_offline", sql: text(PackageResources._04_offline_sql)),
  ]

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
