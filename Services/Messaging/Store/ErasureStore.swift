import Contract
import EventLoop
import MessagingAPI
import Postgres

/// What is forgotten, over all tables.
@Loop struct ErasureStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Takes back messages of a member, with all traces; returns how many. Their places stay.
  func eraseMessages(of member: MemberID, limit: Int, now: Timestamp) async throws -> Int {
    try await database.query(
      """
      with erased as (
        update messages set content = null, mentions = '{}', version = version + 1, deleted_at = \(now)
        where id = any(array(
          select m.id from participants p join messages m
            on m.conversation_id = p.conversation_id and m.sender_id = \(member) and m.client_id is not null
          where p.member_id = \(member) and m.deleted_at is null limit \(limit)))
        returning id
      ), edits as (delete from message_edits using erased where message_id = erased.id),
      reacted as (delete from reactions using erased where message_id = erased.id)
      select count(*) from erased
      """)[0].decode(column: 0)
  }

  /// The groups that a member is in.
  func groups(of member: MemberID) async throws -> [ConversationID] {
    try await database.query(
      """
      select c.id from participants p join conversations c on c.id = p.conversation_id
      where p.member_id = \(member) and p.left_at is null and c.kind = 'group'
      """
    ).decode(ConversationID.self)
  }

  /// Nobody waits for a member who is gone, nor for an answer to what is gone.
  func stopClocks(of member: MemberID) async throws {
    try await database.query(
      """
      update conversations set asked_seq = null, asked_at = null
      where kind = 'direct' and (first_id = \(member) or second_id = \(member)) and asked_seq is not null
      """)
  }

  /// Removes a conversation that nobody takes part in, with all that was said.
  func remove(_ conversation: ConversationID) async throws {
    try await database.query(
      """
      with gone as (
        delete from conversations where id = \(conversation) and not exists (
          select from participants where conversation_id = \(conversation) and left_at is null)
        returning id
      )
      delete from messages using gone where conversation_id = gone.id
      """)
  }

  /// Removes messages that were sent before a time, at most a thousand; returns how many.
  func removeMessages(before time: Timestamp) async throws -> Int {
    // Identifiers begin with the time of their making.
    let first = UniqueID(high: UInt64(max(0, time.milliseconds)) << 16, low: 0)
    return try await database.query(
      "delete from messages where id = any(array(select id from messages where id < \(first) order by id limit 1000))"
    ).affected
  }
}
