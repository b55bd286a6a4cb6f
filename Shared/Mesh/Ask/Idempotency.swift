import Contract
import Crypto
import EventLoop
import Postgres

/// The memory of what was answered to requests that change something, so that a repeated request is answered again and
/// not done again.
///
/// **Rules.** A request is known by caller, endpoint and idempotency key. Its transaction begins with a claim, which takes
/// the key's lock and fails when there is a record, and ends by writing one; refusals are recorded like replies. While one
/// copy runs, redelivered and hedged copies wait, whichever of them came first; another copy that the client sent itself
/// gets 409. The same key with another body is 422.
///
/// **Why it holds.** Behind a claim that fails the server does nothing in that transaction. The lock is only for speed: two
/// copies that slip past it collide on the record's primary key, and the later one, whose work is undone by that, gives
/// the earlier one's answer.
struct Idempotency: Sendable {
  /// What is known of a request.
  enum Finding: Equatable {
    /// It was done, and this was said.
    case done(Answer)
    /// It was done with another body under the same key.
    case otherBody
    /// It was not done. Whoever failed to claim it knows that another copy runs: one of the same request, or one that the
    /// client sent itself.
    case open(sameRequestRuns: Bool)
  }

  /// Clients' keys are kept for a day, and the mesh's own as long as a redelivery can come.
  static let keptFromClient = Duration.seconds(24 * 3600)
  static let keptOwn = Duration.seconds(3600)

  private let ring: KeyRing
  /// Identifies the request, among those of all services: their locks are in one space where they share a database.
  let key: UniqueID
  private let digest: [UInt8]
  let isKeyFromClient: Bool
  /// Tells copies of one request from those that a client sends: the random half of its identifier.
  private let request: UInt64

  init(_ asked: Asked, ring: KeyRing) {
    self.ring = ring
    var writer = EnvelopeWriter()
    switch asked.passport.caller {
    case .anyone: writer.write("anyone")
    case .member(let member, _, _):
      writer.write("member")
      writer.write(member.value)
    case .service(let name, _):
      writer.write("service")
      writer.write(name)
    }
    writer.write(asked.passport.endpoint)
    writer.write(asked.passport.idempotencyKey)
    var hash = EnvelopeReader(BLAKE2b.hash(writer.bytes, count: 16))
    guard let key = hash.id() else { preconditionFailure("a digest of 16 bytes is an identifier") }
    self.key = key
    var content = EnvelopeWriter()
    for (name, value) in asked.passport.path.pairs {
      content.write(name)
      content.write(value)
    }
    digest = BLAKE2b.hash(content.bytes + asked.body)
    isKeyFromClient = asked.passport.isKeyFromClient
    request = asked.passport.request.low
  }

  /// The statement that begins the transaction of one request or several: takes the keys' locks, and fails when another
  /// copy has one or there is a record. Dividing by zero is how a plain statement fails; a function that says it better costs half as much again.
  /// Then it takes the locks by which other copies of the same requests know these.
  static func claim(_ all: [Idempotency]) -> SQL {
    all.count == 1 ? all[0].claim : claimTogether(all)
  }

  /// Most requests come alone, and for one the plain form takes a quarter less time.
  private var claim: SQL {
    """
    select /* fails when the request was answered or is under way */
      1 / (pg_try_advisory_xact_lock(\(Int64(bitPattern: key.high)))
        and not exists (select from mesh_answers where key = \(key)))::integer,
      pg_try_advisory_xact_lock(\(Int64(bitPattern: request)))
    """
  }

  private static func claimTogether(_ all: [Idempotency]) -> SQL {
    """
    select /* fails when a request was answered or is under way */
      1 / bool_and(pg_try_advisory_xact_lock(c.half) and not exists (select from mesh_answers where key = c.key))::integer,
      bool_and(pg_try_advisory_xact_lock(c.request))
    from unnest(\(all.map(\.key)), \(all.map { Int64(bitPattern: $0.key.high) }),
      \(all.map { Int64(bitPattern: $0.request) })) as c(key, half, request)
    """
  }

  /// Whether the claim failed because another copy runs or has run.
  static func isClaimed(_ error: PostgresError) -> Bool { error.state == .divisionByZero }

  /// The statement that looks for the record, and whether another copy of the same request runs.
  var recall: SQL {
    """
    select (select answer from mesh_answers where key = \(key)), pg_try_advisory_xact_lock(\(Int64(bitPattern: request)))
    """
  }

  /// What looking has found: `open` when there is no record.
  func finding(in rows: Rows) throws -> Finding {
    guard let row = rows.first else { return .open(sameRequestRuns: false) }
    let (record, isAlone) = try row.decode([UInt8]?.self, Bool.self)
    return try record.map { try finding(in: $0) } ?? .open(sameRequestRuns: !isAlone)
  }

  private func finding(in record: [UInt8]) throws -> Finding {
    let content = try ring.open(record, context: context)
    guard content.count >= digest.count + 3, let kind = Answer.Kind(rawValue: content[digest.count]) else {
      throw SealError.notSealed
    }
    // The digest lies under the seal: bodies hold passwords, and a bare digest could be guessed at.
    guard constantTimeEqual(content.prefix(digest.count), digest) else { return .otherBody }
    let status = Int(content[digest.count + 1]) << 8 | Int(content[digest.count + 2])
    guard let answer = Answer(kind, status: status, content: Array(content.dropFirst(digest.count + 3))) else {
      throw SealError.notSealed
    }
    return .done(answer)
  }

  /// The statement that records answers. Fails with a unique violation when another copy was faster.
  static func record(_ answers: [(request: Idempotency, answer: Answer)]) -> SQL {
    """
    insert into mesh_answers (key, is_key_from_client, answer)
    select * from unnest(\(answers.map(\.request.key)), \(answers.map(\.request.isKeyFromClient)),
      \(answers.map { $0.request.seal($0.answer) }))
    """
  }

  private func seal(_ answer: Answer) -> [UInt8] {
    let status = UInt16(clamping: answer.status)
    let head = [answer.kind.rawValue, UInt8(status >> 8), UInt8(truncatingIfNeeded: status)]
    return ring.seal(digest + head + answer.content, context: context)
  }

  /// Whether `error` says that another copy was faster.
  static func isDuplicate(_ error: PostgresError) -> Bool {
    error.state == .uniqueViolation && error.table == "mesh_answers"
  }

  private var context: [UInt8] {
    var writer = EnvelopeWriter()
    writer.write(key)
    return writer.bytes
  }

  static let otherBody = Problem(
    422, "idempotency_key_reused", "This Idempotency-Key was used with another request. Choose a new key.")
  static let inProgress = Problem(
    409, "request_in_progress", "A request with this Idempotency-Key is still running. Wait, and send it again.")

  /// Forgets what is too old, in small pieces. Returns how many records went.
  @Loop static func forget(in database: Database) async throws -> Int {
    try await database.query(
      """
      delete from mesh_answers where ctid = any(array(
        select ctid from mesh_answers
        where answered_at < now() - \(keptFromClient) or (answered_at < now() - \(keptOwn) and not is_key_from_client)
        limit 5000))
      """
    ).affected
  }
}
