import Contract
import MessagingAPI

/// A message as messaging keeps it, without what it says.
struct Entry: Equatable {
  /// Changes of one message; each is kept.
  static let editLimit = 100

  let id: MessageID
  let conversation: ConversationID
  let seq: Int64
  let sender: MemberID
  let clientID: ClientMessageID?
  let notice: Notice?
  let replyTo: MessageID?
  private(set) var mentions: [MemberID]
  private(set) var version: Int
  let sentAt: Timestamp
  private(set) var editedAt: Timestamp?
  private(set) var deletedAt: Timestamp?

  /// A message as it was stored.
  init(
    id: MessageID, conversation: ConversationID, seq: Int64, sender: MemberID, clientID: ClientMessageID?,
    notice: Notice? = nil, replyTo: MessageID? = nil, mentions: [MemberID] = [], version: Int = 1, sentAt: Timestamp,
    editedAt: Timestamp? = nil, deletedAt: Timestamp? = nil
  ) {
    (self.id, self.conversation, self.seq, self.sender) = (id, conversation, seq, sender)
    (self.clientID, self.notice, self.replyTo, self.mentions) = (clientID, notice, replyTo, mentions)
    (self.version, self.sentAt, self.editedAt, self.deletedAt) = (version, sentAt, editedAt, deletedAt)
  }

  /// Refuses who may not say something else in it.
  func mayEdit(_ member: MemberID, edits: Int) throws(MessageRefusal) {
    guard deletedAt == nil else { throw .deleted }
    guard member == sender, notice == nil else { throw .notAllowed }
    guard edits < Self.editLimit else { throw .tooManyEdits }
  }

  /// It says something else now, and mentions `mentions`; returns who was not mentioned before.
  mutating func edit(mentions new: [MemberID]?, now: Timestamp) -> [MemberID] {
    let added = (new ?? []).filter { !mentions.contains($0) }
    mentions = new ?? mentions
    version += 1
    editedAt = now
    return added
  }

  /// Takes it back; returns false when it was before. Its sender may, and whoever runs the group.
  mutating func delete(by member: MemberID, isManager: Bool, now: Timestamp) throws(MessageRefusal) -> Bool {
    guard notice == nil, member == sender || isManager else { throw .notAllowed }
    guard deletedAt == nil else { return false }
    version += 1
    deletedAt = now
    mentions = []
    return true
  }

  /// Somebody has reacted, or taken a reaction back.
  mutating func react() throws(MessageRefusal) {
    guard deletedAt == nil else { throw .deleted }
    version += 1
  }

  /// What participants see of it, with what it says.
  func message(body: String?, reactions: [Message.Reaction] = []) -> Message {
    Message(
      id: id, conversationId: conversation, seq: seq, kind: notice == nil ? .text : .system, senderId: sender,
      clientMessageId: clientID, body: deletedAt == nil ? body : nil, notice: notice, replyTo: replyTo,
      mentions: mentions, reactions: reactions, version: version, createdAt: sentAt, editedAt: editedAt,
      deletedAt: deletedAt)
  }
}
