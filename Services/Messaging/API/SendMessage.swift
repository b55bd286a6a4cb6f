import Contract

/// Writes to a conversation. A message that is sent again under the same client id is not written twice: the first one is
/// answered, with status 200.
public struct SendMessage: Endpoint {
  public static let name = "messaging.send-message"
  public static let route: Route? = .post("/api/v1/conversations/{conversation}/messages", .member, rate: .costly)

  public typealias Refusal = ConversationRefusal

  /// Members that one message can mention.
  public static let mentionLimit = 50

  /// The message, and whether it is new.
  public struct Reply: Codable, Sendable, ReplyStatus {
    /// The message.
    public let message: Message
    /// 201 for a new one, 200 for one that was sent before.
    public let status: Int

    /// Tells of a message.
    public init(_ message: Message, isNew: Bool) { (self.message, status) = (message, isNew ? 201 : 200) }

    /// Reads the message; whether it is new shows in the status alone.
    public init(from decoder: any Decoder) throws {
      self.init(try decoder.singleValueContainer().decode(Message.self), isNew: true)
    }

    /// Writes the message.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(message)
    }
  }

  /// The conversation.
  public let conversation: ConversationID
  /// The client's own name for the message, one for each that it sends to the conversation.
  public let clientMessageId: ClientMessageID
  /// What to say.
  public let body: MessageBody
  /// The message that it answers, of the same conversation.
  public let replyTo: MessageID?
  /// Files that belong to it.
  public let fileIds: [FileID]?
  /// Participants that it mentions.
  public let mentions: [MemberID]?

  /// Asks to send a message.
  public init(
    conversation: ConversationID, clientMessageId: ClientMessageID, body: MessageBody, replyTo: MessageID? = nil,
    fileIds: [FileID]? = nil, mentions: [MemberID]? = nil
  ) {
    (self.conversation, self.clientMessageId, self.body) = (conversation, clientMessageId, body)
    (self.replyTo, self.fileIds, self.mentions) = (replyTo, fileIds, mentions)
  }
}
