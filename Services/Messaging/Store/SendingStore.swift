import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres

/// What sending messages asks and changes: one round trip each for many, since it is what is done most.
@Loop struct SendingStore {
  /// What a message refers to before it has its place.
  struct Draft {
    let conversation: ConversationID
    let sender: MemberID
    var clientID: ClientMessageID?
    var replyTo: MessageID?
  }

  /// A conversation under its lock, as whoever writes to it has to know it.
  struct Place {
    let kind: Conversation.Kind
    let lastSeq: Int64
    let sealedKey: [UInt8]
    /// The provider among the two, if they are client and provider.
    let provider: MemberID?
    var clock: ResponseClock
    /// Whether one of the two of a direct conversation has blocked the other.
    let isBlocked: Bool
    /// The place of the message that was sent before under the same client id.
    let earlierSeq: Int64?
    /// Whether the message that is answered is there.
    let isAnswerable: Bool
    /// When something was written last.
    let lastActivityAt: Timestamp
    /// Whether it waits for the search index.
    let isInBacklog: Bool
    fileprivate(set) var participants: [Recipient] = []
  }

  /// Somebody who gets it.
  struct Recipient: Equatable {
    let member: MemberID
    let readSeq: Int64
    let isMuted: Bool
    let isArchived: Bool
  }

  /// A message on its way into its conversation.
  struct Addition {
    let entry: Entry
    /// What it says, sealed; nil in a notice.
    let content: [UInt8]?
    let place: Place
  }

  private let tx: Tx

  init(_ tx: Tx) { self.tx = tx }

  /// Locks the conversation of a message until the transaction ends, for what follows.
  func lockConversation(of message: MessageID) {
    tx.send(
      "select from conversations where id = (select conversation_id from messages where id = \(message)) for update")
  }

  /// Locks conversations until the transaction ends, and looks at all that matters to each draft; nil where there is no
  /// conversation.
  func load(_ drafts: [Draft]) async throws -> [Place?] {
    // A statement of its own: what comes after it sees what the locks were waited for. Everybody takes them in one order.
    tx.send("select from conversations where id = any(\(drafts.map(\.conversation))) order by id for update")
    let rows = try await tx.query(
      """
      select d.place, p.member_id, p.read_seq, p.is_muted, p.is_archived,
        c.kind, c.last_seq, c.sealed_key, c.provider_id, c.asked_seq, c.asked_at,
        c.kind = 'direct' and exists (
          select from blocks b where (b.member_id, b.blocked_id) in ((c.first_id, c.second_id), (c.second_id, c.first_id))
        ),
        (select seq from messages
          where conversation_id = c.id and sender_id = d.sender_id and client_id = d.client_id),
        exists (select from messages where id = d.reply_to and conversation_id = c.id), c.last_activity_at,
        exists (select from search_backlog where conversation_id = c.id)
      from unnest(\(drafts.map(\.conversation)), \(drafts.map(\.sender)), \(drafts.map(\.clientID?.text)),
        \(drafts.map(\.replyTo))) with ordinality as d (conversation_id, sender_id, client_id, reply_to, place)
      join conversations c on c.id = d.conversation_id
      join participants p on p.conversation_id = c.id and p.left_at is null
      order by d.place
      """)
    var places = [Place?](repeating: nil, count: drafts.count)
    for row in rows {
      let index = try row.decode(column: 0, as: Int.self) - 1
      // Each participant's row tells of the conversation; once is enough.
      if places[index] == nil { places[index] = try Self.place(row) }
      places[index]?.participants.append(
        Recipient(
          member: try row.decode(column: 1), readSeq: try row.decode(column: 2), isMuted: try row.decode(column: 3),
          isArchived: try row.decode(column: 4)))
    }
    return places
  }

  private static func place(_ row: Row) throws -> Place {
    let askedSeq = try row.decode(column: 9, as: Int64?.self)
    let askedAt = try row.decode(column: 10, as: Timestamp?.self)
    let question = askedSeq.flatMap { seq in askedAt.map { ResponseClock.Question(seq: seq, at: $0) } }
    return Place(
      kind: try row.decode(column: 5), lastSeq: try row.decode(column: 6), sealedKey: try row.decode(column: 7),
      provider: try row.decode(column: 8), clock: ResponseClock(question), isBlocked: try row.decode(column: 11),
      earlierSeq: try row.decode(column: 12), isAnswerable: try row.decode(column: 13),
      lastActivityAt: try row.decode(column: 14), isInBacklog: try row.decode(column: 15))
  }

  /// Adds messages to conversations that were loaded, one to each, along with the commit. Who sends one has read until
  /// there, and nobody has its conversation out of sight any more.
  func add(_ additions: [Addition]) {
    guard !additions.isEmpty else { return }
    let entries = additions.map(\.entry)
    let questions = additions.map(\.place.clock.question)
    // The first message after a rest of the index wakes it.
    let woken = additions.filter { !$0.place.isInBacklog && $0.content != nil }.map(\.entry)
    let unarchived = additions.filter { $0.place.participants.contains(where: \.isArchived) }.map(\.entry.conversation)
    tx.send(
      """
      with new as (
        select * from unnest(\(entries.map(\.conversation)), \(entries.map(\.seq)), \(entries.map(\.id)),
          \(entries.map(\.sender)), \(entries.map(\.clientID?.text)), \(additions.map(\.content)),
          \(entries.map(\.notice?.kind.rawValue)), \(entries.map { Self.list($0.notice?.memberIds ?? []) }),
          \(entries.map(\.replyTo)), \(entries.map { Self.list($0.mentions) }), \(entries.map(\.sentAt)),
          \(questions.map { $0?.seq }), \(questions.map { $0?.at }))
        as n (conversation_id, seq, id, sender_id, client_id, content, notice, notice_members, reply_to, mentions,
          sent_at, asked_seq, asked_at)
      ), sent as (
        insert into messages (conversation_id, seq, id, sender_id, client_id, content, notice, notice_members, reply_to,
          mentions, sent_at)
        select conversation_id, seq, id, sender_id, client_id, content, notice, notice_members::uuid[], reply_to,
          mentions::uuid[], sent_at
        from new
      ), seen as (
        update participants p set read_seq = n.seq, delivered_seq = n.seq from new n
        where p.conversation_id = n.conversation_id and p.member_id = n.sender_id
      ), woken as (
        insert into search_backlog (conversation_id, indexed_seq)
        select * from unnest(\(woken.map(\.conversation)), \(woken.map { $0.seq - 1 })) on conflict do nothing
      )
      update conversations c set last_seq = n.seq, last_activity_at = n.sent_at, asked_seq = n.asked_seq,
        asked_at = n.asked_at
      from new n where c.id = n.conversation_id
      """)
    guard !unarchived.isEmpty else { return }
    tx.send("update participants set is_archived = false where conversation_id = any(\(unarchived)) and is_archived")
  }

  /// Identifiers as the text of an array, since an array of arrays cannot be taken apart by its rows.
  private static func list(_ members: [MemberID]) -> String {
    "{\(members.map(\.description).joined(separator: ","))}"
  }

  /// Moves a member's watermarks on; returns where they stood and stand, and the place of the newest message. Nil for one
  /// who does not take part.
  func note(
    delivered: Int64?, read: Int64?, by member: MemberID, in conversation: ConversationID
  ) async throws -> (before: Participation, after: Participation, lastSeq: Int64)? {
    tx.send(
      "select from participants where conversation_id = \(conversation) and member_id = \(member) for update")
    guard let found = try await ConversationStore(tx).membership(of: member, in: conversation) else { return nil }
    var after = found.participation
    if after.note(delivered: delivered, read: read, of: found.lastSeq) {
      tx.send(
        """
        update participants set delivered_seq = \(after.deliveredSeq), read_seq = \(after.readSeq)
        where conversation_id = \(conversation) and member_id = \(member)
        """)
    }
    return (found.participation, after, found.lastSeq)
  }
}
