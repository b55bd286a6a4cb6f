import Contract
import EventLoop
import Postgres
import PresenceAPI

/// What others were last told of each member, in `statuses`.
@Loop struct StatusStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// What was told, and when.
  struct Told: Equatable {
    let fact: PresenceFact
    let at: Timestamp
  }

  /// What was last told of these, locked until the transaction ends.
  func load(_ members: [MemberID]) async throws -> [MemberID: Told] {
    let rows = try await database.query(
      """
      select member_id, status, last_active, visible_to, do_not_disturb, version, told_at from statuses
      where member_id = any(\(members)) order by member_id for update
      """)
    return Dictionary(
      try rows.decode(
        MemberID.self, PresenceStatus.self, Timestamp?.self, StatusAudience.self, Bool.self, Int64.self, Timestamp.self
      ).map { member, status, lastActive, visibleTo, doNotDisturb, version, at in
        let fact = PresenceFact(
          member: member, status: status, lastActive: lastActive, visibleTo: visibleTo, doNotDisturb: doNotDisturb,
          version: version)
        return (member, Told(fact: fact, at: at))
      }
    ) { first, _ in first }
  }

  /// Stores what is being told.
  func save(_ facts: [PresenceFact], now: Timestamp) async throws {
    // Arrays have no NULLs.
    let never = Timestamp(microseconds: 0)
    try await database.query(
      """
      insert into statuses (member_id, status, last_active, visible_to, do_not_disturb, version, told_at)
      select id, status, nullif(last_active, \(never)), visible_to, do_not_disturb = 1, version, \(now)
      from unnest(\(facts.map(\.member)), \(facts.map(\.status.rawValue)), \(facts.map { $0.lastActive ?? never }),
        \(facts.map(\.visibleTo.rawValue)), \(facts.map { $0.doNotDisturb ? 1 : 0 }), \(facts.map(\.version)))
        as new (id, status, last_active, visible_to, do_not_disturb, version)
      order by id
      on conflict (member_id) do update set status = excluded.status, last_active = excluded.last_active,
        visible_to = excluded.visible_to, do_not_disturb = excluded.do_not_disturb, version = excluded.version,
        told_at = excluded.told_at
      """)
  }

  /// Members who are there as far as others were told, and of whom that was told before `time`, at most `limit`.
  func toldBefore(_ time: Timestamp, limit: Int) async throws -> [MemberID] {
    try await database.query(
      """
      select member_id from statuses where status <> 'offline' and told_at < \(time) order by told_at limit \(limit)
      """
    ).map { try $0.decode(column: 0) }
  }

  /// How many members others were told to be there, by status.
  func counts() async throws -> [PresenceStatus: Int] {
    let rows = try await database.query(
      "select status, count(*) from statuses where status <> 'offline' group by status")
    return Dictionary(try rows.decode(PresenceStatus.self, Int.self)) { first, _ in first }
  }
}
