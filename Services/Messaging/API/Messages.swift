import Contract

/// Messages of a conversation by their places, in rising order: those after one, those before one, or the newest.
///
/// A client that was away asks with `afterSeq` until it gets fewer than it asked for.
public struct Messages: Endpoint {
  public static let name = "messaging.messages"
  public static let route: Route? = .get("/api/v1/conversations/{conversation}/messages", .member)

  public typealias Refusal = ConversationRefusal

  /// A page.
  public struct Reply: Codable, Sendable {
    /// The messages.
    public let items: [Message]
    /// Always null: pages follow from the places of the messages.
    public let nextCursor: String?
    /// The place of the conversation's newest message.
    public let lastSeq: Int64

    /// Lists messages.
    public init(items: [Message], lastSeq: Int64) { (self.items, nextCursor, self.lastSeq) = (items, nil, lastSeq) }
  }

  /// The conversation.
  public let conversation: ConversationID
  /// The place before the first that is wanted.
  public let afterSeq: MessageSeq?
  /// The place after the last that is wanted.
  public let beforeSeq: MessageSeq?
  /// How many.
  public let limit: PageSize?

  /// Asks for messages.
  public init(
    conversation: ConversationID, afterSeq: MessageSeq? = nil, beforeSeq: MessageSeq? = nil, limit: PageSize? = nil
  ) {
    (self.conversation, self.limit) = (conversation, limit)
    (self.afterSeq, self.beforeSeq) = (afterSeq, beforeSeq)
  }
}
