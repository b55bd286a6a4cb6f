import Contract
import Crypto
import EventLoop
import IdentityAPI
import Postgres

/// Attempts to sign in and the like, in `attempts`.
@Loop struct AttemptStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Counts an attempt on an address, known or not; false when it comes too soon. It takes a transaction of its own, so that
  /// the attempt counts whatever comes of it.
  static func admit(
    _ purpose: AttemptGuard.Purpose, on email: EmailAddress, now: Timestamp, in database: Database
  ) async throws -> Bool {
    try await database.transaction(attempts: 3) { transaction in
      try await AttemptStore(transaction).admit(purpose, on: email, now: now)
    }
  }

  private func admit(_ purpose: AttemptGuard.Purpose, on email: EmailAddress, now: Timestamp) async throws -> Bool {
    let subject = Self.subject(purpose, email)
    let rows = try await database.query(
      """
      insert into attempts (subject, attempts, last_at) values (\(subject), 0, \(now))
      on conflict (subject) do update set subject = excluded.subject returning attempts, last_at
      """)
    guard let (attempts, lastAt) = try rows.first?.decode(Int.self, Timestamp.self) else { return false }
    var attemptGuard = AttemptGuard(attempts: attempts, lastAt: lastAt)
    guard attemptGuard.admit(now: now) else { return false }
    try await database.query(
      """
      update attempts set attempts = \(Int32(clamping: attemptGuard.attempts)), last_at = \(attemptGuard.lastAt)
      where subject = \(subject)
      """)
    return true
  }

  /// Forgets the attempts on an address: one has succeeded.
  func forget(_ purpose: AttemptGuard.Purpose, on email: EmailAddress) async throws {
    try await database.query("delete from attempts where subject = \(Self.subject(purpose, email))")
  }

  /// Forgets what is too long ago to count; returns how many.
  func removeOld(now: Timestamp) async throws -> Int {
    try await database.query(
      """
      delete from attempts where subject = any(array(
        select subject from attempts where last_at < \(now - AttemptGuard.memory) limit 1000))
      """
    ).affected
  }

  private static func subject(_ purpose: AttemptGuard.Purpose, _ email: EmailAddress) -> [UInt8] {
    BLAKE2b.hash("\(purpose.rawValue):\(email.text)".utf8, count: 16)
  }
}
