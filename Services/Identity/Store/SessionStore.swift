import Contract
import Crypto
import EventLoop
import IdentityAPI
import Postgres

/// Sign-ins, in `sessions`.
@Loop struct SessionStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Adds a sign-in with its current token, sealed.
  func add(_ session: Session, sealedToken: [UInt8]) async throws {
    try await database.query(
      """
      insert into sessions (id, member_id, device_name, signed_in_at, current_digest, current_sealed, rotated_at)
      values (\(session.id), \(session.member), \(session.deviceName), \(session.signedInAt), \(session.currentDigest),
        \(sealedToken), \(session.rotatedAt))
      """)
  }

  /// A sign-in with its current token, sealed; locked until the transaction ends.
  func load(_ id: AuthSessionID) async throws -> (session: Session, sealedToken: [UInt8])? {
    let rows = try await database.query("\(Self.select) where id = \(id) for update")
    return try rows.first.map { (try Self.session($0), try $0.decode("current_sealed")) }
  }

  /// The sign-ins of a member that have not ended, the one used last first; locked until the transaction ends.
  func loadOpen(of member: MemberID, now: Timestamp) async throws -> [Session] {
    try await database.query("\(Self.open(of: member, now: now)) for update").map(Self.session)
  }

  /// The sign-ins of a member that have not ended, the one used last first.
  func open(of member: MemberID, now: Timestamp) async throws -> [Session] {
    try await database.query(Self.open(of: member, now: now)).map(Self.session)
  }

  /// Stores a sign-in that was loaded and has taken another token.
  func save(_ session: Session, sealedToken: [UInt8]) async throws {
    try await database.query(
      """
      update sessions set current_digest = \(session.currentDigest), previous_digest = \(session.previousDigest),
        current_sealed = \(sealedToken), rotated_at = \(session.rotatedAt)
      where id = \(session.id)
      """)
  }

  /// Stores a sign-in that was loaded and has ended.
  func saveEnd(of session: Session) async throws {
    try await database.query(
      """
      update sessions set ended_at = \(session.end?.at), end_cause = \(session.end?.cause.rawValue)
      where id = \(session.id)
      """)
  }

  /// Forgets sign-ins that nobody can come back to, at most a thousand; returns how many.
  func removeOld(now: Timestamp) async throws -> Int {
    try await database.query(
      """
      delete from sessions where id = any(array(
        select id from sessions where rotated_at < \(now - Session.life) limit 1000))
      """
    ).affected
  }

  private static let select: SQL = """
    select id, member_id, device_name, signed_in_at, current_digest, previous_digest, rotated_at, ended_at, end_cause,
      current_sealed
    from sessions
    """

  private static func open(of member: MemberID, now: Timestamp) -> SQL {
    """
    \(select) where member_id = \(member) and ended_at is null and rotated_at > \(now - Session.life)
    order by rotated_at desc
    """
  }

  private static func session(_ row: Row) throws -> Session {
    let (id, member, deviceName, signedInAt, current, previous, rotatedAt, endedAt, cause) = try row.decode(
      AuthSessionID.self, MemberID.self, String?.self, Timestamp.self, [UInt8].self, [UInt8]?.self, Timestamp.self,
      Timestamp?.self, SessionRevoked.Cause?.self)
    return Session(
      id: id, member: member, deviceName: deviceName, signedInAt: signedInAt, currentDigest: current,
      previousDigest: previous, rotatedAt: rotatedAt,
      end: endedAt.flatMap { at in cause.map { Session.End(at: at, cause: $0) } })
  }
}

extension SessionRevoked.Cause: PostgresDecodable {}
