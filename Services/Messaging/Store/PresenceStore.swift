import Contract
import EventLoop
import MessagingAPI
import Postgres
import PresenceAPI

/// Whether members are there, as presence has told, in `presences`.
@Loop struct PresenceStore {
  /// What was not told again for so long is not known any more.
  private static let life = Duration.seconds(20 * 60)

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Keeps what was told, unless something later was told before.
  func put(_ fact: PresenceFact, now: Timestamp) async throws {
    let isHidden = fact.visibleTo == .nobody || fact.status == .offline
    try await database.query(
      """
      insert into presences as p (member_id, status, last_active, is_hidden, version, told_at)
      values (\(fact.member), \(isHidden ? PresenceStatus.offline.rawValue : fact.status.rawValue),
        \(isHidden ? nil : fact.lastActive), \(isHidden), \(fact.version), \(now))
      on conflict (member_id) do update set status = excluded.status, last_active = excluded.last_active,
        is_hidden = excluded.is_hidden, version = excluded.version, told_at = excluded.told_at
      where p.version <= excluded.version
      """)
  }

  /// How those of `members` are of whom that is known.
  func find(_ members: [MemberID], now: Timestamp) async throws -> [MemberID: Conversation.Presence] {
    let rows = try await database.query(
      """
      select member_id, case when told_at > \(now - Self.life) then status else 'offline' end, last_active
      from presences where member_id = any(\(members))
      """
    ).decode(MemberID.self, String.self, Timestamp?.self)
    return Dictionary(rows.map { ($0.0, Conversation.Presence(status: $0.1, lastActive: $0.2)) }) { first, _ in first }
  }

  /// Forgets a member.
  func erase(_ member: MemberID) async throws {
    try await database.query("delete from presences where member_id = \(member)")
  }
}
