import Contract

/// Reacts to a message with an emoji. Doing it twice changes nothing.
public struct AddReaction: Endpoint {
  public static let name = "messaging.add-reaction"
  public static let route: Route? = .put("/api/v1/messages/{message}/reactions/{emoji}", .member)

  public typealias Reply = Message
  public typealias Refusal = MessageRefusal

  /// The message.
  public let message: MessageID
  /// The emoji.
  public let emoji: Emoji

  /// Asks to react.
  public init(message: MessageID, emoji: Emoji) { (self.message, self.emoji) = (message, emoji) }
}
