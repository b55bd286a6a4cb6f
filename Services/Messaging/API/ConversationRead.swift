import Contract

/// A participant has read a conversation up to a place.
public struct ConversationRead: Event {
  public static let name = "messaging.conversation-read"
  public var subject: UniqueID { conversation.value }

  /// The conversation.
  public let conversation: ConversationID
  /// Who has read.
  public let member: MemberID
  /// Up to where.
  public let seq: Int64

  /// States the fact.
  public init(conversation: ConversationID, member: MemberID, seq: Int64) {
    (self.conversation, self.member, self.seq) = (conversation, member, seq)
  }
}
