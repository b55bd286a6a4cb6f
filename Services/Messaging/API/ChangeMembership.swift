import Contract

/// Says how a conversation shows to the member who asks, and to nobody else. What is left out stays.
public struct ChangeMembership: Endpoint {
  public static let name = "messaging.change-membership"
  public static let route: Route? = .patch("/api/v1/conversations/{conversation}/membership", .member)

  public typealias Reply = Conversation
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID
  /// Out of sight; a new message brings it back.
  public let archived: Bool?
  /// Without noise.
  public let muted: Bool?
  /// Above the others.
  public let pinned: Bool?

  /// Asks for a change.
  public init(conversation: ConversationID, archived: Bool? = nil, muted: Bool? = nil, pinned: Bool? = nil) {
    (self.conversation, self.archived, self.muted, self.pinned) = (conversation, archived, muted, pinned)
  }
}
