import Contract
import EventLoop
import MessagingAPI
import Postgres

/// Messages, in `messages`, with what they said before, in `message_edits`, and the reactions to them, in `reactions`.
@Loop struct MessageStore {
  /// A message as it is stored: what it says is sealed.
  struct Sealed {
    let entry: Entry
    let content: [UInt8]?
  }

  /// A message, and how the member who wants to change it stands to it.
  struct Subject {
    let message: Sealed
    let kind: Conversation.Kind
    let sealedKey: [UInt8]
    let participation: Participation
    /// Whether one of the two of a direct conversation has blocked the other.
    let isBlocked: Bool
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  // MARK: Reading

  /// Messages between two places, both left out; the lowest `limit` of them, or the highest. In rising order.
  func between(
    _ low: Int64, _ high: Int64, of conversation: ConversationID, lowest: Bool, limit: Int
  ) async throws -> [Sealed] {
    let order: SQL = lowest ? "asc" : "desc"
    let messages = try await database.query(
      """
      select \(Self.columns) from messages m
      where m.conversation_id = \(conversation) and m.seq > \(low) and m.seq < \(high)
      order by m.seq \(order) limit \(limit)
      """
    ).map { try Self.sealed($0) }
    return lowest ? messages : messages.reversed()
  }

  /// The first `limit` messages after a place, for each of some conversations; those of one in rising order.
  func after(_ places: [(conversation: ConversationID, seq: Int64)], limit: Int) async throws -> [Sealed] {
    try await database.query(
      """
      select \(Self.columns)
      from unnest(\(places.map(\.conversation)), \(places.map(\.seq))) as wanted (conversation_id, seq)
      cross join lateral (
        select * from messages where conversation_id = wanted.conversation_id and seq > wanted.seq
        order by seq limit \(limit)
      ) m
      order by m.conversation_id, m.seq
      """
    ).map { try Self.sealed($0) }
  }

  /// Messages at some places of some conversations.
  func at(_ places: [(conversation: ConversationID, seq: Int64)]) async throws -> [Sealed] {
    guard !places.isEmpty else { return [] }
    return try await database.query(
      """
      select \(Self.columns)
      from unnest(\(places.map(\.conversation)), \(places.map(\.seq))) as wanted (conversation_id, seq)
      join messages m on m.conversation_id = wanted.conversation_id and m.seq = wanted.seq
      """
    ).map { try Self.sealed($0) }
  }

  /// The reactions to those of `messages` that have any, the oldest emoji first.
  func reactions(to messages: [Sealed]) async throws -> [MessageID: [Message.Reaction]] {
    // Each reaction makes a version of its own.
    let changed = messages.filter { $0.entry.version > 1 && $0.entry.deletedAt == nil }.map(\.entry.id)
    guard !changed.isEmpty else { return [:] }
    let rows = try await database.query(
      """
      select message_id, emoji, array_agg(member_id order by reacted_at, member_id) from reactions
      where message_id = any(\(changed)) group by message_id, emoji order by min(reacted_at), emoji
      """
    ).decode(MessageID.self, String.self, [MemberID].self)
    return Dictionary(grouping: rows) { $0.0 }.mapValues { reactions in
      reactions.map { Message.Reaction(emoji: $0.1, memberIds: $0.2) }
    }
  }

  /// What a message said before, sealed, the oldest first.
  func edits(of message: MessageID) async throws -> [(content: [UInt8], replacedAt: Timestamp)] {
    try await database.query(
      "select content, replaced_at from message_edits where message_id = \(message) order by version"
    ).decode([UInt8].self, Timestamp.self).map { (content: $0.0, replacedAt: $0.1) }
  }

  /// A message that `member` can see, with what has to be known to change it.
  func find(_ message: MessageID, for member: MemberID) async throws -> Subject? {
    try await database.query(
      """
      select \(Self.columns), c.kind, c.sealed_key, c.kind = 'direct' and exists (
          select from blocks b where (b.member_id, b.blocked_id) in ((c.first_id, c.second_id), (c.second_id, c.first_id))
        ), \(ConversationStore.participationColumns)
      from messages m join conversations c on c.id = m.conversation_id
      join participants p on p.conversation_id = c.id and p.member_id = \(member) and p.left_at is null
      where m.id = \(message) and m.seq > p.joined_seq
      """
    ).first.map { row in
      let next = Self.columnCount
      return Subject(
        message: try Self.sealed(row), kind: try row.decode(column: next), sealedKey: try row.decode(column: next + 1),
        participation: try ConversationStore.participation(row, from: next + 3),
        isBlocked: try row.decode(column: next + 2))
    }
  }

  /// How many of `members` take part in a conversation.
  func participating(_ members: [MemberID], in conversation: ConversationID) async throws -> Set<MemberID> {
    Set(
      try await database.query(
        """
        select member_id from participants
        where conversation_id = \(conversation) and member_id = any(\(members)) and left_at is null
        """
      ).decode(MemberID.self))
  }

  /// The messages of a member after one, the oldest first, with the keys that open them.
  func written(
    by member: MemberID, after message: MessageID?, limit: Int
  ) async throws -> [(message: Sealed, sealedKey: [UInt8])] {
    let isAfter: SQL = message.map { "m.id > \($0)" } ?? "true"
    return try await database.query(
      """
      select \(Self.columns), c.sealed_key
      from participants p join conversations c on c.id = p.conversation_id
      join messages m on m.conversation_id = c.id and m.sender_id = \(member) and m.client_id is not null
      where p.member_id = \(member) and m.deleted_at is null and \(isAfter)
      order by m.id limit \(limit)
      """
    ).map { (try Self.sealed($0), try $0.decode(column: Self.columnCount)) }
  }

  // MARK: Changing

  /// Stores a message that was changed, with what it said before.
  func save(_ entry: Entry, content: [UInt8]?, before: [UInt8]?) async throws {
    let kept: SQL =
      before.map {
        """
        with kept as (insert into message_edits (message_id, version, content, replaced_at)
          values (\(entry.id), \(Int32(clamping: entry.version)), \($0), \(entry.editedAt)))
        """
      } ?? ""
    try await database.query(
      """
      \(kept) update messages set content = \(content), mentions = \(entry.mentions),
        version = \(Int32(clamping: entry.version)), edited_at = \(entry.editedAt), deleted_at = \(entry.deletedAt)
      where conversation_id = \(entry.conversation) and seq = \(entry.seq)
      """)
  }

  /// How often a message was changed.
  func editCount(of message: MessageID) async throws -> Int {
    try await database.query("select count(*) from message_edits where message_id = \(message)")[0].decode(column: 0)
  }

  /// Forgets what a message said before, and the reactions to it.
  func removeTraces(of message: MessageID) async throws {
    try await database.query(
      """
      with gone as (delete from message_edits where message_id = \(message))
      delete from reactions where message_id = \(message)
      """)
  }

  /// Adds a reaction; returns whether it is new, and how many different ones there were.
  func react(
    to message: MessageID, with emoji: Emoji, by member: MemberID, now: Timestamp
  ) async throws -> (isNew: Bool, others: Int) {
    let row = try await database.query(
      """
      with new as (
        insert into reactions (message_id, emoji, member_id, reacted_at)
        values (\(message), \(emoji.text), \(member), \(now)) on conflict do nothing returning 1
      )
      select (select count(*) from new),
        (select count(distinct emoji) from reactions where message_id = \(message) and emoji <> \(emoji.text))
      """)[0]
    let (new, others) = try row.decode(Int.self, Int.self)
    return (new == 1, others)
  }

  /// Takes a reaction back; false when there was none.
  func unreact(to message: MessageID, with emoji: Emoji, by member: MemberID) async throws -> Bool {
    try await database.query(
      "delete from reactions where message_id = \(message) and emoji = \(emoji.text) and member_id = \(member)"
    ).affected == 1
  }

  // MARK: Rows

  private static let columnCount = 14
  private static let columns: SQL = """
    m.id, m.conversation_id, m.seq, m.sender_id, m.client_id, m.notice, m.notice_members, m.reply_to, m.mentions,
    m.version, m.sent_at, m.edited_at, m.deleted_at, m.content
    """

  private static func sealed(_ row: Row) throws -> Sealed {
    let (
      id, conversation, seq, sender, client, notice, noticeMembers, replyTo, mentions, version, sentAt, editedAt,
      deletedAt, content
    ) = try row.decode(
      MessageID.self, ConversationID.self, Int64.self, MemberID.self, String?.self, Notice.Kind?.self, [MemberID].self,
      MessageID?.self, [MemberID].self, Int.self, Timestamp.self, Timestamp?.self, Timestamp?.self, [UInt8]?.self)
    let entry = Entry(
      id: id, conversation: conversation, seq: seq, sender: sender, clientID: client.flatMap { ClientMessageID($0) },
      notice: notice.map { Notice($0, noticeMembers) }, replyTo: replyTo, mentions: mentions, version: version,
      sentAt: sentAt, editedAt: editedAt, deletedAt: deletedAt)
    return Sealed(entry: entry, content: content)
  }
}

extension Notice.Kind: PostgresDecodable {}
