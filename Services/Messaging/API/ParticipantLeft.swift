import Contract

/// A member does not take part in a conversation any more.
public struct ParticipantLeft: Event {
  public static let name = "messaging.participant-left"
  public var subject: UniqueID { conversation.value }

  /// The conversation.
  public let conversation: ConversationID
  /// Who has left.
  public let member: MemberID
  /// Who saw to it: the member, or who removed them.
  public let by: MemberID

  /// States the fact.
  public init(conversation: ConversationID, member: MemberID, by: MemberID) {
    (self.conversation, self.member, self.by) = (conversation, member, by)
  }
}
