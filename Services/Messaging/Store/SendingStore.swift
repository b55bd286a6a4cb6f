import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres

/// What sending a message asks and changes: one round trip each, since it is what is done most.
@Loop struct SendingStore {
  /// A conversation under its lock, as whoever writes to it has to know it.
  struct Place {
    let kind: Conversation.Kind
    let lastSeq: Int64
    let indexedSeq: Int64
    let sealedKey: [UInt8]
    /// The provider among the two, if they are client and provider.
    let provider: MemberID?
    var clock: ResponseClock
    let participants: [Recipient]
    /// Whether one of the two of a direct conversation has blocked the other.
    let isBlocked: Bool
    /// The place of the message that was sent before under the same client id.
    let earlierSeq: Int64?
    /// Whether the message that is answered is there.
    let isAnswerable: Bool
    /// When something was written last.
    let lastActivityAt: Timestamp
  }

  /// Somebody who gets it.
  struct Recipient: Equatable {
    let member: MemberID
    let readSeq: Int64
    let isMuted: Bool
    let isArchived: Bool
  }

  private let tx: Tx

  init(_ tx: Tx) { self.tx = tx }

  /// Locks the conversation of a message until the transaction ends, for what follows.
  func lockConversation(of message: MessageID) {
    tx.send(
      "select from conversations where id = (select conversation_id from messages where id = \(message)) for update")
  }

  /// Locks a conversation until the transaction ends, and looks at all that matters; nil when there is none.
  func load(
    _ conversation: ConversationID, sender: MemberID, clientID: ClientMessageID?, replyTo: MessageID?
  ) async throws -> Place? {
    // A statement of its own: what comes after it sees what the lock was waited for.
    tx.send("select from conversations where id = \(conversation) for update")
    let rows = try await tx.query(
      """
      select c.kind, c.last_seq, c.indexed_seq, c.sealed_key, c.provider_id, c.asked_seq, c.asked_at,
        c.kind = 'direct' and exists (
          select from blocks b where (b.member_id, b.blocked_id) in ((c.first_id, c.second_id), (c.second_id, c.first_id))
        ),
        (select seq from messages
          where conversation_id = \(conversation) and sender_id = \(sender) and client_id = \(clientID?.text)),
        (select true from messages where id = \(replyTo) and conversation_id = \(conversation)),
        p.member_id, p.read_seq, p.is_muted, p.is_archived, c.last_activity_at
      from conversations c join participants p on p.conversation_id = c.id and p.left_at is null
      where c.id = \(conversation)
      """)
    guard let row = rows.first else { return nil }
    let (kind, lastSeq, indexedSeq, key, provider, askedSeq, askedAt, isBlocked, earlier, isAnswerable) =
      try row.decode(
        Conversation.Kind.self, Int64.self, Int64.self, [UInt8].self, MemberID?.self, Int64?.self, Timestamp?.self,
        Bool.self, Int64?.self, Bool?.self)
    let question = askedSeq.flatMap { seq in askedAt.map { ResponseClock.Question(seq: seq, at: $0) } }
    return Place(
      kind: kind, lastSeq: lastSeq, indexedSeq: indexedSeq, sealedKey: key, provider: provider,
      clock: ResponseClock(question),
      participants: try rows.map { row in
        Recipient(
          member: try row.decode(column: 10), readSeq: try row.decode(column: 11), isMuted: try row.decode(column: 12),
          isArchived: try row.decode(column: 13))
      }, isBlocked: isBlocked, earlierSeq: earlier, isAnswerable: isAnswerable ?? false,
      lastActivityAt: try row.decode(column: 14))
  }

  /// Adds a message to a conversation that was loaded, along with the commit. Its sender has read until there, and nobody
  /// has it out of sight any more.
  func add(_ entry: Entry, content: [UInt8]?, to place: Place) {
    let question = place.clock.question
    let others: SQL = place.participants.contains { $0.isArchived } ? "or is_archived" : ""
    // The first message after a rest of the index wakes it.
    let woken: SQL =
      place.indexedSeq == place.lastSeq && content != nil
      ? """
      , woken as (
        insert into search_backlog (conversation_id) values (\(entry.conversation)) on conflict do nothing
      )
      """ : ""
    tx.send(
      """
      with sent as (
        insert into messages (conversation_id, seq, id, sender_id, client_id, content, notice, notice_members, reply_to,
          mentions, sent_at)
        values (\(entry.conversation), \(entry.seq), \(entry.id), \(entry.sender), \(entry.clientID?.text), \(content),
          \(entry.notice?.kind.rawValue), \(entry.notice?.memberIds ?? []), \(entry.replyTo), \(entry.mentions),
          \(entry.sentAt))
      ), seen as (
        update participants set is_archived = false,
          read_seq = case when member_id = \(entry.sender) then \(entry.seq) else read_seq end,
          delivered_seq = case when member_id = \(entry.sender) then \(entry.seq) else delivered_seq end
        where conversation_id = \(entry.conversation) and (member_id = \(entry.sender) \(others))
      )\(woken)
      update conversations set last_seq = \(entry.seq), last_activity_at = \(entry.sentAt),
        asked_seq = \(question?.seq), asked_at = \(question?.at)
      where id = \(entry.conversation)
      """)
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
