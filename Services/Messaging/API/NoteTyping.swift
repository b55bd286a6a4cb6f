import Contract

/// Tells the others in a conversation that the member is writing, or has stopped. It is never stored: it ends by itself
/// five seconds after it was told last.
public struct NoteTyping: Endpoint {
  public static let name = "messaging.note-typing"
  public static let route: Route? = .post("/api/v1/conversations/{conversation}/typing", .member)
  public static let socket: SocketUse? = .takes(event: "typing", on: ConversationChannel.pattern)

  public typealias Reply = Nothing
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID
  /// False for one who has stopped; true when left out.
  public let typing: Bool?

  /// Tells of typing.
  public init(conversation: ConversationID, typing: Bool? = nil) {
    (self.conversation, self.typing) = (conversation, typing)
  }
}
