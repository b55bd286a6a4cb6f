import Contract

/// Brings members into a group; an owner or admin may. They see what is written from then on.
public struct AddParticipants: Endpoint {
  public static let name = "messaging.add-participants"
  public static let route: Route? = .post(
    "/api/v1/conversations/{conversation}/participants", .member, rate: .costly)

  public typealias Reply = Conversation
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID
  /// Who is to join; who is in it already stays.
  public let participantIds: [MemberID]

  /// Asks to bring members in.
  public init(conversation: ConversationID, participantIds: [MemberID]) {
    (self.conversation, self.participantIds) = (conversation, participantIds)
  }
}
