import Contract

/// Members have begun to share a conversation.
public struct ConversationOpened: Event {
  public static let name = "messaging.conversation-opened"
  public var subject: UniqueID { conversation.value }

  /// The conversation.
  public let conversation: ConversationID
  /// Direct or group.
  public let kind: Conversation.Kind
  /// Who opened it.
  public let opener: MemberID
  /// Who is in it, the opener included.
  public let participants: [MemberID]

  /// States the fact.
  public init(
    conversation: ConversationID, kind: Conversation.Kind, opener: MemberID, participants: [MemberID]
  ) {
    (self.conversation, self.kind, self.opener, self.participants) = (conversation, kind, opener, participants)
  }
}
