import Contract

/// Somebody has written to a conversation.
public struct MessageSent: Event {
  public static let name = "messaging.message-sent"
  public var subject: UniqueID { conversation.value }

  /// The conversation.
  public let conversation: ConversationID
  /// The message.
  public let message: MessageID
  /// Its place.
  public let seq: Int64
  /// Who wrote it.
  public let sender: MemberID
  /// Whom it is for: the other participants, without those who muted the conversation.
  public let recipients: [MemberID]
  /// Who is mentioned, muted or not.
  public let mentions: [MemberID]

  /// States the fact.
  public init(
    conversation: ConversationID, message: MessageID, seq: Int64, sender: MemberID, recipients: [MemberID],
    mentions: [MemberID]
  ) {
    (self.conversation, self.message, self.seq) = (conversation, message, seq)
    (self.sender, self.recipients, self.mentions) = (sender, recipients, mentions)
  }
}
