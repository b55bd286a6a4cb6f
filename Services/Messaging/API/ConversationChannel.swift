import Contract

/// Whether a member may hear what happens in a conversation as it happens.
public struct ConversationChannel: Endpoint {
  public static let name = "messaging.conversation-channel"
  public static let route: Route? = nil
  public static let socket: SocketUse? = .admits(to: pattern)
  public static let effect = Effect.read

  /// The channels of conversations.
  public static let pattern: ChannelPattern = "presence-conversation-{conversation}"

  public typealias Reply = ChannelGrant
  public typealias Refusal = ConversationRefusal

  /// The conversation.
  public let conversation: ConversationID

  /// Asks to be let in.
  public init(conversation: ConversationID) { self.conversation = conversation }
}
