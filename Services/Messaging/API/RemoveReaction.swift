import Contract

/// Takes one's own reaction back. One that is not there is passed over.
public struct RemoveReaction: Endpoint {
  public static let name = "messaging.remove-reaction"
  public static let route: Route? = .delete("/api/v1/messages/{message}/reactions/{emoji}", .member)

  public typealias Reply = Message
  public typealias Refusal = MessageRefusal

  /// The message.
  public let message: MessageID
  /// The emoji.
  public let emoji: Emoji

  /// Asks to take it back.
  public init(message: MessageID, emoji: Emoji) { (self.message, self.emoji) = (message, emoji) }
}
