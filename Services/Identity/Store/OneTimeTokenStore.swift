import Contract
import EventLoop
import Postgres

/// Mailed tokens that have not been used, in `one_time_tokens`.
@Loop struct OneTimeTokenStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Makes `token` valid; those that were mailed to the member before for the same purpose are not any more.
  func replace(with token: OneTimeToken, for purpose: OneTimeToken.Purpose, of member: MemberID, now: Timestamp)
    async throws
  {
    try await database.query(
      """
      with earlier as (
        delete from one_time_tokens where member_id = \(member) and purpose = \(purpose.rawValue)
      )
      insert into one_time_tokens (digest, member_id, purpose, expires_at)
      values (\(token.digest), \(member), \(purpose.rawValue), \(now + purpose.life))
      """)
  }

  /// Uses a token up; nil when it does not hold.
  func take(_ token: OneTimeToken, for purpose: OneTimeToken.Purpose, now: Timestamp) async throws -> MemberID? {
    let rows = try await database.query(
      """
      delete from one_time_tokens where digest = \(token.digest) and purpose = \(purpose.rawValue)
      returning member_id, expires_at
      """)
    guard let (member, expiresAt) = try rows.first?.decode(MemberID.self, Timestamp.self), now < expiresAt else {
      return nil
    }
    return member
  }

  /// Forgets all that were mailed to a member.
  func removeAll(of member: MemberID) async throws {
    try await database.query("delete from one_time_tokens where member_id = \(member)")
  }

  /// Forgets those whose time is over; returns how many.
  func removeOld(now: Timestamp) async throws -> Int {
    try await database.query(
      """
      delete from one_time_tokens where digest = any(array(
        select digest from one_time_tokens where expires_at < \(now) limit 1000))
      """
    ).affected
  }
}
