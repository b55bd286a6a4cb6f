import Contract
import EventLoop
import Postgres

/// How members stand to one another, in `blocks` and `participants`.
@Loop struct ConnectionStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  // MARK: Blocks

  /// A member wants nothing to do with another.
  func block(_ blocked: MemberID, by member: MemberID) async throws {
    try await database.query(
      "insert into blocks (member_id, blocked_id) values (\(member), \(blocked)) on conflict do nothing")
  }

  /// A member has taken a block back.
  func unblock(_ blocked: MemberID, by member: MemberID) async throws {
    try await database.query("delete from blocks where member_id = \(member) and blocked_id = \(blocked)")
  }

  /// Whether one of the two has blocked the other.
  func areParted(_ one: MemberID, _ other: MemberID) async throws -> Bool {
    try await database.query(
      """
      select from blocks where member_id = \(one) and blocked_id = \(other)
        or member_id = \(other) and blocked_id = \(one)
      """
    ).isEmpty == false
  }

  /// Everybody whom a member has blocked, or who has blocked the member.
  func parted(from member: MemberID) async throws -> [MemberID] {
    try await database.query(
      """
      select blocked_id from blocks where member_id = \(member)
      union select member_id from blocks where blocked_id = \(member)
      """
    ).decode(MemberID.self)
  }

  // MARK: Contacts

  /// Members are in a conversation from now on.
  func join(_ conversation: UniqueID, _ members: [MemberID]) async throws {
    try await database.query(
      """
      insert into participants (conversation_id, member_id)
      select \(conversation), member from unnest(\(members)) member on conflict do nothing
      """)
  }

  /// A member has left a conversation.
  func leave(_ conversation: UniqueID, _ member: MemberID) async throws {
    try await database.query(
      "delete from participants where conversation_id = \(conversation) and member_id = \(member)")
  }

  /// Those of `others` who share a conversation with a member.
  func contacts(of member: MemberID, among others: [MemberID]) async throws -> Set<MemberID> {
    Set(
      try await database.query(
        """
        select distinct other.member_id
        from participants own join participants other using (conversation_id)
        where own.member_id = \(member) and other.member_id = any(\(others))
        """
      ).decode(MemberID.self))
  }

  /// The contacts of a member who can be found and tell contacts more than others.
  func confidants(of member: MemberID) async throws -> [MemberID] {
    try await database.query(
      """
      select distinct other.member_id
      from participants own join participants other using (conversation_id)
        join listings l on l.member_id = other.member_id and l.tells_contacts_more
      where own.member_id = \(member) and other.member_id <> \(member)
      """
    ).decode(MemberID.self)
  }
}
