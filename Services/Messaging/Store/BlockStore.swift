import Contract
import EventLoop
import MessagingAPI
import Postgres

/// Who has blocked whom, in `blocks`.
@Loop struct BlockStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Adds a block; false when it was there.
  func add(_ blocked: MemberID, by member: MemberID, now: Timestamp) async throws -> Bool {
    try await database.query(
      """
      insert into blocks (member_id, blocked_id, blocked_at) values (\(member), \(blocked), \(now))
      on conflict do nothing
      """
    ).affected == 1
  }

  /// Takes a block back; false when there was none.
  func remove(_ blocked: MemberID, by member: MemberID) async throws -> Bool {
    try await database.query("delete from blocks where member_id = \(member) and blocked_id = \(blocked)").affected == 1
  }

  /// How many a member has blocked.
  func count(by member: MemberID) async throws -> Int {
    try await database.query("select count(*) from blocks where member_id = \(member)")[0].decode(column: 0)
  }

  /// Whom a member has blocked, the newest first.
  func page(by member: MemberID, after cursor: PageCursor?, limit: Int) async throws -> [Blocks.Entry] {
    let isAfter: SQL = cursor.map { "(b.blocked_at, b.blocked_id) < (\($0.time), \($0.id))" } ?? "true"
    return try await database.query(
      """
      select b.blocked_id, m.first_name, m.last_name, b.blocked_at
      from blocks b left join members m on m.id = b.blocked_id
      where b.member_id = \(member) and \(isAfter) order by b.blocked_at desc, b.blocked_id desc limit \(limit)
      """
    ).decode(MemberID.self, String?.self, String?.self, Timestamp.self).map {
      Blocks.Entry(userId: $0.0, firstName: $0.1, lastName: $0.2, blockedAt: $0.3)
    }
  }

  /// Those of `others` between whom and `member` there is a block, either way.
  func between(_ member: MemberID, and others: [MemberID]) async throws -> Set<MemberID> {
    Set(
      try await database.query(
        """
        select blocked_id from blocks where member_id = \(member) and blocked_id = any(\(others))
        union select member_id from blocks where blocked_id = \(member) and member_id = any(\(others))
        """
      ).decode(MemberID.self))
  }

  /// Forgets all blocks by a member and of them.
  func erase(_ member: MemberID) async throws {
    try await database.query("delete from blocks where member_id = \(member) or blocked_id = \(member)")
  }
}
