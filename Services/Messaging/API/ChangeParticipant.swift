import Contract

/// Gives a participant of a group another role; an owner may. Making somebody else the owner makes oneself an admin.
public struct ChangeParticipant: Endpoint {
  public static let name = "messaging.change-participant"
  public static let route: Route? = .patch("/api/v1/conversations/{conversation}/participants/{user}", .member)

  public typealias Reply = Conversation
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID
  /// Whose role.
  public let user: MemberID
  /// The role.
  public let role: Conversation.Role

  /// Asks for another role.
  public init(conversation: ConversationID, user: MemberID, role: Conversation.Role) {
    (self.conversation, self.user, self.role) = (conversation, user, role)
  }
}
