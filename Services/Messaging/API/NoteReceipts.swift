import Contract

/// Says up to where messages have arrived at a device, and up to where they were read. Both only rise; reading includes
/// arriving, and nothing goes beyond the newest message.
public struct NoteReceipts: Endpoint {
  public static let name = "messaging.note-receipts"
  public static let route: Route? = .post("/api/v1/conversations/{conversation}/receipts", .member)
  public static let success = 200

  public typealias Refusal = ConversationRefusal

  /// Where the member stands now.
  public struct Reply: Codable, Sendable, Equatable {
    /// Up to where messages have arrived.
    public let deliveredSeq: Int64
    /// Up to where they were read.
    public let readSeq: Int64
    /// How many are unread.
    public let unread: Int64

    /// Says where the member stands.
    public init(deliveredSeq: Int64, readSeq: Int64, unread: Int64) {
      (self.deliveredSeq, self.readSeq, self.unread) = (deliveredSeq, readSeq, unread)
    }
  }

  /// The conversation.
  public let conversation: ConversationID
  /// Up to where messages have arrived.
  public let deliveredSeq: MessageSeq?
  /// Up to where they were read.
  public let readSeq: MessageSeq?

  /// Tells of receipts.
  public init(conversation: ConversationID, deliveredSeq: MessageSeq? = nil, readSeq: MessageSeq? = nil) {
    (self.conversation, self.deliveredSeq, self.readSeq) = (conversation, deliveredSeq, readSeq)
  }
}
