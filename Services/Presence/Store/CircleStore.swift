import Contract
import EventLoop
import Postgres
import PresenceAPI

/// Who is what to whom, in `participants` and `blocks`.
@Loop struct CircleStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Members who are known, as `viewer` relates to them, with what others were last told of them.
  func look(
    at members: [MemberID], by viewer: MemberID
  ) async throws -> [MemberID: (settings: MemberSettings, viewer: Viewer, told: Sighting?)] {
    let rows = try await database.query(
      """
      select \(MemberStore.columns), s.status, s.last_active,
        \(Self.areContacts(viewer)) as is_contact, \(Self.areBlocked(viewer)) as is_blocked
      from members m left join providers p on p.member_id = m.id left join statuses s on s.member_id = m.id
      where m.id = any(\(members))
      """)
    return Dictionary(
      try rows.map { row in
        let settings = try MemberStore.settings(row)
        let relation = Viewer(
          isSelf: settings.member == viewer, isContact: try row.decode("is_contact"),
          isBlocked: try row.decode("is_blocked"))
        let told = try row.decode("status", as: PresenceStatus?.self).map {
          Sighting(status: $0, lastActive: try row.decode("last_active"))
        }
        return (settings.member, (settings, relation, told))
      }
    ) { first, _ in first }
  }

  /// The members below `cursor` of whom `viewer` may see that they are there, as far as others were told, the youngest
  /// first.
  func there(
    for viewer: MemberID, providersOnly: Bool, below cursor: MemberID?, limit: Int, toldAfter: Timestamp
  ) async throws -> [MemberID] {
    var page = Self.visible(to: viewer, providersOnly, toldAfter)
    if let cursor { page += " and s.member_id < \(cursor)" }
    return try await database.query("select s.member_id \(page) order by s.member_id desc limit \(limit)")
      .map { try $0.decode(column: 0) }
  }

  /// How many they are, by status.
  func counts(
    for viewer: MemberID, providersOnly: Bool, toldAfter: Timestamp
  ) async throws -> [PresenceStatus: Int] {
    let page = Self.visible(to: viewer, providersOnly, toldAfter)
    let rows = try await database.query("select s.status, count(*) \(page) group by s.status")
    return Dictionary(try rows.decode(PresenceStatus.self, Int.self)) { first, _ in first }
  }

  private static func visible(to viewer: MemberID, _ providersOnly: Bool, _ toldAfter: Timestamp) -> SQL {
    var sql: SQL = """
      from statuses s join members m on m.id = s.member_id
      where s.status <> 'offline' and s.told_at > \(toldAfter) and not \(areBlocked(viewer))
        and (m.id = \(viewer) or m.show_status_to = 'everyone'
          or m.show_status_to = 'contacts' and \(areContacts(viewer)))
      """
    if providersOnly { sql += " and m.is_provider" }
    return sql
  }

  private static func areContacts(_ viewer: MemberID) -> SQL {
    """
    exists (
      select from participants mine join participants theirs using (conversation_id)
      where mine.member_id = \(viewer) and theirs.member_id = m.id)
    """
  }

  private static func areBlocked(_ viewer: MemberID) -> SQL {
    """
    exists (
      select from blocks where blocker_id = \(viewer) and blocked_id = m.id
        or blocker_id = m.id and blocked_id = \(viewer))
    """
  }

  /// Members take part in a conversation.
  func join(_ members: [MemberID], conversation: UniqueID) async throws {
    try await database.query(
      """
      insert into participants (member_id, conversation_id) select id, \(conversation) from unnest(\(members)) as new (id)
      order by id on conflict do nothing
      """)
  }

  /// A member takes part no more.
  func leave(_ member: MemberID, conversation: UniqueID) async throws {
    try await database.query(
      "delete from participants where member_id = \(member) and conversation_id = \(conversation)")
  }

  /// Who takes part in a conversation.
  func participants(of conversation: UniqueID) async throws -> [MemberID] {
    try await database.query("select member_id from participants where conversation_id = \(conversation)")
      .map { try $0.decode(column: 0) }
  }

  /// One blocks the other.
  func block(_ blocked: MemberID, by blocker: MemberID) async throws {
    try await database.query(
      "insert into blocks (blocker_id, blocked_id) values (\(blocker), \(blocked)) on conflict do nothing")
  }

  /// One blocks the other no more.
  func unblock(_ blocked: MemberID, by blocker: MemberID) async throws {
    try await database.query("delete from blocks where blocker_id = \(blocker) and blocked_id = \(blocked)")
  }
}
