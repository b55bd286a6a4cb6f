import Contract

/// Says something else in a message of one's own. What it said before is kept: see `MessageEdits`.
public struct EditMessage: Endpoint {
  public static let name = "messaging.edit-message"
  public static let route: Route? = .patch("/api/v1/messages/{message}", .member, rate: .costly)

  public typealias Reply = Message
  public typealias Refusal = MessageRefusal

  /// The message.
  public let message: MessageID
  /// What it shall say.
  public let body: MessageBody
  /// Participants that it shall mention; left out, they stay. Who is new among them is notified.
  public let mentions: [MemberID]?

  /// Asks for a change.
  public init(message: MessageID, body: MessageBody, mentions: [MemberID]? = nil) {
    (self.message, self.body, self.mentions) = (message, body, mentions)
  }
}
