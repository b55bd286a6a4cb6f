import Contract

/// Members were brought into a conversation.
public struct ParticipantsJoined: Event {
  public static let name = "messaging.participants-joined"
  public var subject: UniqueID { conversation.value }

  /// The conversation.
  public let conversation: ConversationID
  /// Who has joined.
  public let members: [MemberID]
  /// Who brought them in.
  public let by: MemberID

  /// States the fact.
  public init(conversation: ConversationID, members: [MemberID], by: MemberID) {
    (self.conversation, self.members, self.by) = (conversation, members, by)
  }
}
