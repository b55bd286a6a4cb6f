import Contract

/// Opens a conversation. A pair that has a direct one already gets that, with status 200.
public struct OpenConversation: Endpoint {
  public static let name = "messaging.open-conversation"
  public static let route: Route? = .post("/api/v1/conversations", .member, rate: .costly)

  public typealias Refusal = ConversationRefusal

  /// The most that a conversation can have.
  public static let participantLimit = 100

  /// The conversation, and whether it is new.
  public struct Reply: Codable, Sendable, ReplyStatus {
    /// The conversation.
    public let conversation: Conversation
    /// 201 for a new one, 200 for one that was there.
    public let status: Int

    /// Tells of a conversation.
    public init(_ conversation: Conversation, isNew: Bool) {
      (self.conversation, status) = (conversation, isNew ? 201 : 200)
    }

    /// Reads the conversation; whether it is new shows in the status alone.
    public init(from decoder: any Decoder) throws {
      self.init(try decoder.singleValueContainer().decode(Conversation.self), isNew: true)
    }

    /// Writes the conversation.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(conversation)
    }
  }

  /// Direct or group.
  public let kind: Conversation.Kind
  /// Whom with: one other member for a direct conversation, any others for a group.
  public let participantIds: [MemberID]
  /// What to call a group.
  public let title: Title?
  /// Words to keep with a group: at most 16, each and its name at most 256 bytes.
  public let metadata: [String: String]?

  /// Asks for a conversation.
  public init(
    kind: Conversation.Kind, participantIds: [MemberID], title: Title? = nil, metadata: [String: String]? = nil
  ) {
    (self.kind, self.participantIds, self.title, self.metadata) = (kind, participantIds, title, metadata)
  }
}
