import Contract

/// Gives a group another title or other metadata; an owner or admin may. What is left out stays.
public struct ChangeConversation: Endpoint {
  public static let name = "messaging.change-conversation"
  public static let route: Route? = .patch("/api/v1/conversations/{conversation}", .member)

  public typealias Reply = Conversation
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID
  /// Its new title.
  public let title: Title?
  /// Its new metadata, all of it.
  public let metadata: [String: String]?

  /// Asks for a change.
  public init(conversation: ConversationID, title: Title? = nil, metadata: [String: String]? = nil) {
    (self.conversation, self.title, self.metadata) = (conversation, title, metadata)
  }
}
