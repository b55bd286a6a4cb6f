import Contract

/// Brings messages along that were written elsewhere, behind those that a conversation has. Nobody is told of them, everybody
/// has read them, and no provider is measured by them. Only the operator may.
public struct ImportMessages: Endpoint {
  public static let name = "messaging.import-messages"
  public static let route: Route? = nil

  public typealias Refusal = OperatorRefusal

  /// Messages that one request can bring.
  public static let limit = 1000

  /// A message.
  public struct Written: Codable, Sendable {
    /// Who wrote it; somebody who takes part.
    public let senderId: MemberID
    /// What it says.
    public let body: MessageBody
    /// When it was written. Times of messages rise with their places: an earlier one counts as that of the message before.
    public let sentAt: Timestamp

    /// Describes a message.
    public init(senderId: MemberID, body: MessageBody, sentAt: Timestamp) {
      (self.senderId, self.body, self.sentAt) = (senderId, body, sentAt)
    }
  }

  /// How far the conversation has come.
  public struct Reply: Codable, Sendable, Equatable {
    /// The place of its newest message.
    public let lastSeq: Int64

    /// Says how far.
    public init(lastSeq: Int64) { self.lastSeq = lastSeq }
  }

  /// The conversation.
  public let conversation: ConversationID
  /// The messages, the oldest first.
  public let messages: [Written]

  /// Asks to bring messages along.
  public init(conversation: ConversationID, messages: [Written]) {
    (self.conversation, self.messages) = (conversation, messages)
  }
}
