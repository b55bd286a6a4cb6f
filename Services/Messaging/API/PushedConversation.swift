import Contract

extension Pushed {
  /// Something has changed that a member's list of conversations and badges show. Goes to each participant, to all of
  /// their devices; whoever does not know the conversation asks for it.
  public struct ConversationUpdated: Push, Equatable {
    public static let name = "conversation.updated"

    /// The conversation.
    public let conversationId: ConversationID
    /// The place of its newest message.
    public let lastSeq: Int64
    /// How many the member has not read.
    public let unread: Int64
    /// Whether it makes no noise.
    public let muted: Bool
    /// Whether the member takes part in it.
    public let participating: Bool

    /// Tells of a change.
    public init(conversationId: ConversationID, lastSeq: Int64, unread: Int64, muted: Bool, participating: Bool = true)
    {
      (self.conversationId, self.lastSeq, self.unread) = (conversationId, lastSeq, unread)
      (self.muted, self.participating) = (muted, participating)
    }
  }
}
