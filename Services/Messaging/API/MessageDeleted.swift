import Contract

/// A message was taken back.
public struct MessageDeleted: Event {
  public static let name = "messaging.message-deleted"
  public var subject: UniqueID { conversation.value }

  /// The conversation.
  public let conversation: ConversationID
  /// The message.
  public let message: MessageID
  /// Its place.
  public let seq: Int64
  /// Who deleted it.
  public let by: MemberID

  /// States the fact.
  public init(conversation: ConversationID, message: MessageID, seq: Int64, by: MemberID) {
    (self.conversation, self.message, self.seq, self.by) = (conversation, message, seq, by)
  }
}
