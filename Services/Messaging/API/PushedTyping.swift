import Contract

extension Pushed {
  /// A participant is writing. Clients stop showing it when it was not told again within five seconds.
  public struct TypingStarted: Push, Equatable {
    public static let name = "typing.started"
    public static let isKept = false

    /// The conversation.
    public let conversationId: ConversationID
    /// The participant.
    public let userId: MemberID

    /// Tells of typing.
    public init(conversationId: ConversationID, userId: MemberID) {
      (self.conversationId, self.userId) = (conversationId, userId)
    }
  }

  /// A participant is not writing any more.
  public struct TypingStopped: Push, Equatable {
    public static let name = "typing.stopped"
    public static let isKept = false

    /// The conversation.
    public let conversationId: ConversationID
    /// The participant.
    public let userId: MemberID

    /// Tells of the end of typing.
    public init(conversationId: ConversationID, userId: MemberID) {
      (self.conversationId, self.userId) = (conversationId, userId)
    }
  }
}
