import Contract

/// Takes a message back for everybody: its place stays, what it said goes. Its sender may, and who runs the group.
public struct DeleteMessage: Endpoint {
  public static let name = "messaging.delete-message"
  public static let route: Route? = .delete("/api/v1/messages/{message}", .member)

  public typealias Reply = Nothing
  public typealias Refusal = MessageRefusal

  /// The message.
  public let message: MessageID

  /// Asks to take a message back.
  public init(message: MessageID) { self.message = message }
}
