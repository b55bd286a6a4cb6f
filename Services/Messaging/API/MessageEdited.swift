import Contract

/// A message says something else now.
public struct MessageEdited: Event {
  public static let name = "messaging.message-edited"
  public var subject: UniqueID { conversation.value }

  /// The conversation.
  public let conversation: ConversationID
  /// The message.
  public let message: MessageID
  /// Its place.
  public let seq: Int64
  /// Who wrote it.
  public let sender: MemberID
  /// Who is mentioned now and was not before.
  public let newMentions: [MemberID]

  /// States the fact.
  public init(
    conversation: ConversationID, message: MessageID, seq: Int64, sender: MemberID, newMentions: [MemberID]
  ) {
    (self.conversation, self.message, self.seq) = (conversation, message, seq)
    (self.sender, self.newMentions) = (sender, newMentions)
  }
}
