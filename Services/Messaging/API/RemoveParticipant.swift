import Contract

/// Takes a member out of a group: oneself, or, for an owner or admin, somebody else below them.
public struct RemoveParticipant: Endpoint {
  public static let name = "messaging.remove-participant"
  public static let route: Route? = .delete("/api/v1/conversations/{conversation}/participants/{user}", .member)

  public typealias Reply = Nothing
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID
  /// Who is to leave.
  public let user: MemberID

  /// Asks to take a member out.
  public init(conversation: ConversationID, user: MemberID) { (self.conversation, self.user) = (conversation, user) }
}
