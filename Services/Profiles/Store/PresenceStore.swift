import Contract
import EventLoop
import Postgres
import ProfilesAPI

/// Whether members are there, in `presences`.
@Loop struct PresenceStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// What is known of a member; nil while nothing was heard.
  func find(_ member: MemberID) async throws -> KnownPresence? {
    try await database.query("\(Self.select) where member_id = \(member)").first.map { try Self.presence($0).1 }
  }

  /// What is known of `members`.
  func find(_ members: [MemberID]) async throws -> [MemberID: KnownPresence] {
    let rows = try await database.query("\(Self.select) where member_id = any(\(members))")
    return Dictionary(uniqueKeysWithValues: try rows.map(Self.presence))
  }

  /// Takes what was heard. Returns what was known before, and whether the new is no older than that: the same version says
  /// that it is still so, or without the time.
  func take(
    _ presence: KnownPresence, of member: MemberID
  ) async throws -> (before: KnownPresence?, isNews: Bool) {
    let before = try await database.query("\(Self.select) where member_id = \(member) for update").first
      .map { try Self.presence($0).1 }
    if let before, before.version > presence.version { return (before, false) }
    try await database.query(
      """
      insert into presences (member_id, status, visible_to, active_at, version, lapses_at)
      values (\(member), \(presence.status.rawValue), \(presence.visibleTo.rawValue), \(presence.activeAt),
        \(presence.version), \(presence.lapsesAt))
      on conflict (member_id) do update set status = excluded.status, visible_to = excluded.visible_to,
        active_at = excluded.active_at, version = excluded.version, lapses_at = excluded.lapses_at
      """)
    return (before, true)
  }

  /// Makes those offline of whom nothing was heard for too long, at most `limit`; returns who they are.
  func lapse(now: Timestamp, atMost limit: Int) async throws -> [MemberID] {
    try await database.query(
      """
      update presences set status = 'offline' where member_id = any(array(
        select member_id from presences where status <> 'offline' and lapses_at <= \(now)
        order by lapses_at limit \(limit) for update skip locked))
      returning member_id
      """
    ).decode(MemberID.self)
  }

  private static let select: SQL =
    "select member_id, status, visible_to, active_at, version, lapses_at from presences"

  private static func presence(_ row: Row) throws -> (MemberID, KnownPresence) {
    let (member, status, visibleTo, activeAt, version, lapsesAt) = try row.decode(
      MemberID.self, OnlineStatus.self, Audience.self, Timestamp?.self, Int64.self, Timestamp.self)
    return (
      member,
      KnownPresence(status: status, visibleTo: visibleTo, activeAt: activeAt, version: version, lapsesAt: lapsesAt)
    )
  }
}

extension OnlineStatus: PostgresDecodable {}
extension Audience: PostgresDecodable {}
