import Contract

/// One conversation.
public struct ShowConversation: Endpoint {
  public static let name = "messaging.conversation"
  public static let route: Route? = .get("/api/v1/conversations/{conversation}", .member)

  public typealias Reply = Conversation
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID

  /// Asks for a conversation.
  public init(conversation: ConversationID) { self.conversation = conversation }
}
