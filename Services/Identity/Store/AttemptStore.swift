import Contract
import Crypto
import EventLoop
import IdentityAPI
import Postgres

/// Attempts to sign in and the like, in `attempts`.
@Loop struct AttemptStore {
  /// What attempts are counted on.
  struct Subject {
    /// The digest under which they are stored.
    fileprivate let key: [UInt8]
    fileprivate let pace: AttemptGuard.Pace

    /// An account, whether or not somebody has it.
    static func account(
      _ purpose: AttemptGuard.Purpose, _ email: EmailAddress, _ pace: AttemptGuard.Pace = .account
    ) -> Subject { Subject(key: key(purpose, "", email.text.utf8), pace: pace) }

    /// Where clients are.
    static func client(
      _ purpose: AttemptGuard.Purpose, _ network: ClientNetwork, _ pace: AttemptGuard.Pace = .client
    ) -> Subject { Subject(key: key(purpose, "client:", network.bytes), pace: pace) }

    private static func key(
      _ purpose: AttemptGuard.Purpose, _ kind: String, _ name: some Sequence<UInt8>
    ) -> [UInt8] { BLAKE2b.hash(Array("\(purpose.rawValue):\(kind)".utf8) + name, count: 16) }
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Counts an attempt on all `subjects`, or, when it comes too soon for one of them, on none; then returns how long to
  /// wait. It takes a transaction of its own, so that the attempt counts whatever comes of it.
  static func admit(_ subjects: [Subject], now: Timestamp, in database: Database) async throws -> Duration? {
    try await database.transaction(attempts: 3) { transaction in
      try await AttemptStore(transaction).admit(subjects, now: now)
    }
  }

  private func admit(_ subjects: [Subject], now: Timestamp) async throws -> Duration? {
    var guards: [AttemptGuard] = []
    var opensAt: Timestamp?
    for subject in subjects {
      var attemptGuard = try await load(subject, now: now)
      if !attemptGuard.admit(now: now) { opensAt = max(attemptGuard.opensAt, opensAt ?? now) }
      guards.append(attemptGuard)
    }
    if let opensAt { return opensAt - now }
    for (subject, attemptGuard) in zip(subjects, guards) {
      try await database.query(
        """
        update attempts set attempts = \(Int32(clamping: attemptGuard.attempts)), last_at = \(attemptGuard.lastAt)
        where subject = \(subject.key)
        """)
    }
    return nil
  }

  /// What was counted until now; locked until the transaction ends.
  private func load(_ subject: Subject, now: Timestamp) async throws -> AttemptGuard {
    let rows = try await database.query(
      """
      insert into attempts (subject, attempts, last_at) values (\(subject.key), 0, \(now))
      on conflict (subject) do update set subject = excluded.subject returning attempts, last_at
      """)
    let (attempts, lastAt) = try rows[0].decode(Int.self, Timestamp.self)
    return AttemptGuard(subject.pace, attempts: attempts, lastAt: lastAt)
  }

  /// Forgets the attempts on a subject.
  func forget(_ subject: Subject) async throws {
    try await database.query("delete from attempts where subject = \(subject.key)")
  }

  /// Takes one attempt back: it was none.
  func takeBack(_ subject: Subject) async throws {
    try await database.query(
      "update attempts set attempts = attempts - 1 where subject = \(subject.key) and attempts > 0")
  }

  /// Forgets what is too long ago to count; returns how many.
  func removeOld(now: Timestamp) async throws -> Int {
    try await database.query(
      """
      delete from attempts where subject = any(array(
        select subject from attempts where last_at < \(now - AttemptGuard.Pace.account.memory) limit 1000))
      """
    ).affected
  }
}
