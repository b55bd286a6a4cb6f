import Contract
import EventLoop
import Foundation
import MessagingAPI
import Postgres

/// Conversations, in `conversations`, and who takes part in them, in `participants`.
@Loop struct ConversationStore {
  /// A conversation as it is stored, without its participants.
  struct Record {
    let id: ConversationID
    let kind: Conversation.Kind
    /// What it is called and what is kept with it, sealed.
    let sealedLabel: [UInt8]?
    /// What a replica of an earlier version stored of that, which is newer than what is sealed.
    let plainTitle: Title?
    let plainMetadata: [String: String]?
    let lastSeq: Int64
    let openedAt: Timestamp
    let lastActivityAt: Timestamp
    let sealedKey: [UInt8]
  }

  /// A participant with the name that others see.
  struct NamedParticipation {
    let conversation: ConversationID
    let participation: Participation
    let firstName: String?
    let lastName: String?
    let avatar: String?
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  // MARK: Reading

  /// One conversation.
  func find(_ id: ConversationID) async throws -> Record? {
    try await database.query("select \(Self.columns) from conversations c where c.id = \(id)").first.map(Self.record)
  }

  /// The direct conversation of two members, if they have one.
  func find(between one: MemberID, and other: MemberID) async throws -> ConversationID? {
    try await database.query(
      """
      select id from conversations
      where kind = 'direct' and first_id = \(min(one, other)) and second_id = \(max(one, other))
      """
    ).first?.decode(column: 0)
  }

  /// Conversations of a member, pinned ones first, then by their newest message.
  func page(
    of member: MemberID, archived: Bool, after cursor: PageCursor?, limit: Int
  ) async throws -> [(record: Record, isPinned: Bool)] {
    let isAfter: SQL =
      cursor.map {
        "(p.is_pinned, c.last_activity_at, c.id) < (\($0.isPinned), \($0.time), \($0.id))"
      } ?? "true"
    return try await database.query(
      """
      select \(Self.columns), p.is_pinned from participants p join conversations c on c.id = p.conversation_id
      where p.member_id = \(member) and p.left_at is null and p.is_archived = \(archived) and \(isAfter)
      order by p.is_pinned desc, c.last_activity_at desc, c.id desc limit \(limit)
      """
    ).map { (try Self.record($0), try $0.decode("is_pinned")) }
  }

  /// Who takes part in some conversations, with their names, in the order in which they came.
  func participants(of conversations: [ConversationID]) async throws -> [NamedParticipation] {
    try await database.query(
      """
      select p.conversation_id, m.first_name, m.last_name, m.avatar, \(Self.participationColumns)
      from participants p left join members m on m.id = p.member_id
      where p.conversation_id = any(\(conversations)) and p.left_at is null order by p.joined_at, p.member_id
      """
    ).map { row in
      let (conversation, firstName, lastName, avatar) = try row.decode(
        ConversationID.self, String?.self, String?.self, String?.self)
      return NamedParticipation(
        conversation: conversation, participation: try Self.participation(row, from: 4), firstName: firstName,
        lastName: lastName, avatar: avatar)
    }
  }

  /// The part of a member, with the place of the newest message and the sealed key; nil for one who has none.
  func membership(
    of member: MemberID, in conversation: ConversationID
  ) async throws -> (participation: Participation, lastSeq: Int64, sealedKey: [UInt8])? {
    try await database.query(
      """
      select c.last_seq, c.sealed_key, \(Self.participationColumns)
      from participants p join conversations c on c.id = p.conversation_id
      where p.conversation_id = \(conversation) and p.member_id = \(member) and p.left_at is null
      """
    ).first.map { row in
      let (lastSeq, sealedKey) = try row.decode(Int64.self, [UInt8].self)
      return (try Self.participation(row, from: 2), lastSeq, sealedKey)
    }
  }

  /// How a member stands to a conversation.
  struct Standing {
    /// The name that others see.
    let name: String
    /// Where the picture is.
    let avatar: String?
    /// Whether one of the two of a direct conversation has blocked the other.
    let isBlocked: Bool
    /// Whether others take the member for somebody who is not there, and shall go on to.
    let isHidden: Bool
  }

  /// How a member stands to a conversation; nil for one who does not take part.
  func standing(of member: MemberID, in conversation: ConversationID) async throws -> Standing? {
    try await database.query(
      """
      select coalesce(m.first_name || ' ' || m.last_name, ''), m.avatar, c.kind = 'direct' and exists (
          select from blocks b where (b.member_id, b.blocked_id) in ((c.first_id, c.second_id), (c.second_id, c.first_id))
        ), coalesce(s.is_hidden, false)
      from participants p join conversations c on c.id = p.conversation_id
      left join members m on m.id = p.member_id left join presences s on s.member_id = p.member_id
      where p.conversation_id = \(conversation) and p.member_id = \(member) and p.left_at is null
      """
    ).first.map { row in
      let (name, avatar, isBlocked, isHidden) = try row.decode(String.self, String?.self, Bool.self, Bool.self)
      return Standing(name: name, avatar: avatar, isBlocked: isBlocked, isHidden: isHidden)
    }
  }

  /// The conversations that a member can search, the most recent first.
  func searchable(
    by member: MemberID, only conversation: ConversationID?, limit: Int
  ) async throws -> [(conversation: ConversationID, sealedKey: [UInt8], joinedSeq: Int64)] {
    let isWanted: SQL = conversation.map { "p.conversation_id = \($0)" } ?? "true"
    return try await database.query(
      """
      select c.id, c.sealed_key, p.joined_seq from participants p join conversations c on c.id = p.conversation_id
      where p.member_id = \(member) and p.left_at is null and \(isWanted)
      order by c.last_activity_at desc limit \(limit)
      """
    ).decode(ConversationID.self, [UInt8].self, Int64.self).map { ($0.0, $0.1, $0.2) }
  }

  /// What a member has not read, in conversations that are neither archived nor muted.
  func unreadTotals(of member: MemberID) async throws -> UnreadTotals.Reply {
    let row = try await database.query(
      """
      select coalesce(sum(c.last_seq - p.read_seq), 0)::bigint, count(*)
      from participants p join conversations c on c.id = p.conversation_id
      where p.member_id = \(member) and p.left_at is null and not p.is_archived and not p.is_muted
        and c.last_seq > p.read_seq
      """)[0]
    let (messages, conversations) = try row.decode(Int64.self, Int64.self)
    return UnreadTotals.Reply(messages: messages, conversations: conversations)
  }

  // MARK: Changing

  /// Adds a conversation; false when its two have a direct one already.
  func add(
    _ id: ConversationID, _ roster: Roster, opener: MemberID, provider: MemberID?, label: [UInt8]?,
    key: ConversationKeys.Sealed, now: Timestamp
  ) async throws -> Bool {
    let members = roster.participants.map(\.member).sorted()
    let pair: (first: MemberID, second: MemberID)? = roster.kind == .direct ? (members[0], members[1]) : nil
    let isNew =
      try await database.query(
        """
        insert into conversations (id, kind, opener_id, first_id, second_id, label, sealed_key, key_id, opened_at,
          last_activity_at, provider_id)
        values (\(id), \(roster.kind.rawValue), \(opener), \(pair?.first), \(pair?.second), \(label),
          \(key.bytes), \(Int64(key.masterID)), \(now), \(now), \(provider))
        on conflict (first_id, second_id) where kind = 'direct' do nothing
        """
      ).affected == 1
    if isNew { try await add(roster.participants, to: id) }
    return isNew
  }

  /// Adds participants; one who has left before comes back.
  func add(_ participations: [Participation], to conversation: ConversationID) async throws {
    for one in participations {
      try await database.query(
        """
        insert into participants (conversation_id, member_id, role, joined_at, joined_seq, delivered_seq, read_seq)
        values (\(conversation), \(one.member), \(one.role.rawValue), \(one.joinedAt), \(one.joinedSeq),
          \(one.deliveredSeq), \(one.readSeq))
        on conflict (conversation_id, member_id) do update set role = excluded.role, joined_at = excluded.joined_at,
          joined_seq = excluded.joined_seq, left_at = null, delivered_seq = excluded.delivered_seq,
          read_seq = excluded.read_seq, is_archived = false, is_muted = false, is_pinned = false
        """)
    }
  }

  /// Who takes part, locked with the conversation until the transaction ends; nil when there is none.
  func load(_ id: ConversationID) async throws -> (roster: Roster, lastSeq: Int64)? {
    let rows = try await database.query("select kind, last_seq from conversations where id = \(id) for update")
    guard let (kind, lastSeq) = try rows.first?.decode(Conversation.Kind.self, Int64.self) else { return nil }
    let participations = try await database.query(
      """
      select \(Self.participationColumns) from participants p where p.conversation_id = \(id) and p.left_at is null
      order by p.joined_at, p.member_id
      """
    ).map { try Self.participation($0, from: 0) }
    return (Roster(kind, participations), lastSeq)
  }

  /// Stores a role.
  func save(role: Conversation.Role, of member: MemberID, in conversation: ConversationID) async throws {
    try await database.query(
      """
      update participants set role = \(role.rawValue)
      where conversation_id = \(conversation) and member_id = \(member) and left_at is null
      """)
  }

  /// A member does not take part any more.
  func remove(_ member: MemberID, from conversation: ConversationID, now: Timestamp) async throws {
    try await database.query(
      """
      update participants set left_at = \(now) where conversation_id = \(conversation) and member_id = \(member)
      """)
  }

  /// Stores how a conversation shows to one participant.
  func save(_ participation: Participation, in conversation: ConversationID) async throws {
    try await database.query(
      """
      update participants set is_archived = \(participation.isArchived), is_muted = \(participation.isMuted),
        is_pinned = \(participation.isPinned)
      where conversation_id = \(conversation) and member_id = \(participation.member)
      """)
  }

  /// Stores what a group is called and what is kept with it.
  func save(label: [UInt8]?, of conversation: ConversationID) async throws {
    try await database.query(
      "update conversations set label = \(label), title = null, metadata = '{}' where id = \(conversation)")
  }

  /// Conversations of which a replica of an earlier version stored something unsealed, locked until the transaction ends.
  func unsealed(limit: Int) async throws -> [Record] {
    try await database.query(
      """
      select \(Self.columns) from conversations c where c.title is not null or c.metadata <> '{}' limit \(limit)
      for update skip locked
      """
    ).map(Self.record)
  }

  // MARK: Rows

  private static let columns: SQL = """
    c.id, c.kind, c.label, c.title, c.metadata, c.last_seq, c.opened_at, c.last_activity_at, c.sealed_key
    """

  private static func record(_ row: Row) throws -> Record {
    let (id, kind, label, title, metadata, lastSeq, openedAt, lastActivityAt, sealedKey) = try row.decode(
      ConversationID.self, Conversation.Kind.self, [UInt8]?.self, String?.self, JSONDocument.self, Int64.self,
      Timestamp.self, Timestamp.self, [UInt8].self)
    let words = try JSONDecoder().decode([String: String].self, from: Data(metadata.bytes))
    return Record(
      id: id, kind: kind, sealedLabel: label, plainTitle: title.flatMap { try? Title($0) },
      plainMetadata: words.isEmpty ? nil : words, lastSeq: lastSeq, openedAt: openedAt, lastActivityAt: lastActivityAt,
      sealedKey: sealedKey)
  }

  static let participationColumns: SQL = """
    p.member_id, p.role, p.joined_at, p.joined_seq, p.delivered_seq, p.read_seq, p.is_archived, p.is_muted, p.is_pinned
    """

  /// Reads `participationColumns`, of which the first is at `column`.
  static func participation(_ row: Row, from column: Int) throws -> Participation {
    Participation(
      member: try row.decode(column: column), role: try row.decode(column: column + 1),
      joinedAt: try row.decode(column: column + 2), joinedSeq: try row.decode(column: column + 3),
      deliveredSeq: try row.decode(column: column + 4), readSeq: try row.decode(column: column + 5),
      isArchived: try row.decode(column: column + 6), isMuted: try row.decode(column: column + 7),
      isPinned: try row.decode(column: column + 8))
  }
}

extension Conversation.Kind: PostgresDecodable {}
extension Conversation.Role: PostgresDecodable {}
