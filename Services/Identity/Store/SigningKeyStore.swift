import Contract
import EventLoop
import Postgres

/// The keys that access tokens are signed with, in `signing_keys`.
@Loop struct SigningKeyStore {
  /// A key as it is stored.
  struct Record: Equatable {
    let entry: KeySchedule.Entry
    let sealedSeed: [UInt8]
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// All keys.
  func all() async throws -> [Record] {
    try await database.query("select id, signs_from, sealed_seed from signing_keys order by signs_from").map { row in
      let (id, signsFrom, seed) = try row.decode(String.self, Timestamp.self, [UInt8].self)
      return Record(entry: KeySchedule.Entry(id: id, signsFrom: signsFrom), sealedSeed: seed)
    }
  }

  /// All keys; until the transaction ends nobody else changes them.
  func lockAll() async throws -> [Record] {
    try await database.query("lock table signing_keys in share row exclusive mode")
    return try await all()
  }

  /// Adds a key.
  func add(_ record: Record) async throws {
    try await database.query(
      """
      insert into signing_keys (id, signs_from, sealed_seed)
      values (\(record.entry.id), \(record.entry.signsFrom), \(record.sealedSeed))
      """)
  }

  /// Forgets a key.
  func remove(_ id: String) async throws { try await database.query("delete from signing_keys where id = \(id)") }
}
