import Contract
import Crypto
import EventLoop
import IdentityAPI
import Postgres

/// Attempts to sign in and the like, in `attempts`.
@Loop struct AttemptStore {
  private let database: Database

  init(_ database: Database) { self.database = database }

  /// Counts an attempt on an address, known or not; false when it comes too soon. A transaction of its own, so that it
  /// counts whatever comes of it.
  func admit(_ purpose: AttemptGuard.Purpose, on email: EmailAddress, now: Timestamp) async throws -> Bool {
    let subject = Self.subject(purpose, email)
    return try await database.transaction(attempts: 3) { transaction in
      let rows = try await transaction.query(
        """
        insert into attempts (subject, attempts, last_at) values (\(subject), 0, \(now))
        on conflict (subject) do update set subject = excluded.subject returning attempts, last_at
        """)
      guard let (attempts, lastAt) = try rows.first?.decode(Int.self, Timestamp.self) else { return false }
      var attemptGuard = AttemptGuard(attempts: attempts, lastAt: lastAt)
      guard attemptGuard.admit(now: now) else { return false }
      transaction.send(
        """
        update attempts set attempts = \(Int32(attemptGuard.attempts)), last_at = \(attemptGuard.lastAt)
        where subject = \(subject)
        """)
      return true
    }
  }

  /// Forgets the attempts on an address, within `transaction`: one has succeeded.
  static func forget(
    _ purpose: AttemptGuard.Purpose, on email: EmailAddress, in transaction: any Querying
  ) async throws {
    try await transaction.query("delete from attempts where subject = \(subject(purpose, email))")
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
