import Postgres

/// The steps in the life of messaging's schema, embedded from `Migrations/`. A new one is a file and a line here.
enum Migrations {
  static let all = [
    // Embedding turns the first digit of a file's name into an underscore.
    Migration(name: "001_conversations", sql: text(PackageResources._01_conversations_sql)),
    Migration(name: "002_search", sql: text(PackageResources._02_search_sql)),
    Migration(name: "003_response_metrics", sql: text(PackageResources._03_response_metrics_sql)),
    Migration(name: "004_presences", sql: text(PackageResources._04_presences_sql)),
    Migration(name: "005_avatars", sql: text(PackageResources._05_avatars_sql)),
    Migration(name: "006_search_progress", sql: text(PackageResources._06_search_progress_sql)),
    Migration(name: "007_labels", sql: text(PackageResources._07_labels_sql)),
  ]

  private static func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
