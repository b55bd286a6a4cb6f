import Contract

extension Pushed {
  /// A message was taken back.
  public struct MessageDeleted: Push, Equatable {
    public static let name = "message.deleted"

    /// The conversation.
    public let conversationId: ConversationID
    /// The message.
    public let id: MessageID
    /// Its place.
    public let seq: Int64
    /// Its version now.
    public let version: Int
    /// When.
    public let deletedAt: Timestamp

    /// Tells of a deletion.
    public init(
      conversationId: ConversationID, id: MessageID, seq: Int64, version: Int, deletedAt: Timestamp
    ) {
      (self.conversationId, self.id, self.seq) = (conversationId, id, seq)
      (self.version, self.deletedAt) = (version, deletedAt)
    }
  }
}
