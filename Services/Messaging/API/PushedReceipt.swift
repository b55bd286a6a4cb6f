import Contract

extension Pushed {
  /// A participant has got or read more. Both places only rise.
  public struct ReceiptUpdated: Push, Equatable {
    public static let name = "receipt.updated"

    /// The conversation.
    public let conversationId: ConversationID
    /// The participant.
    public let userId: MemberID
    /// Up to where messages have arrived.
    public let deliveredSeq: Int64
    /// Up to where they were read.
    public let readSeq: Int64

    /// Tells of receipts.
    public init(conversationId: ConversationID, userId: MemberID, deliveredSeq: Int64, readSeq: Int64) {
      (self.conversationId, self.userId) = (conversationId, userId)
      (self.deliveredSeq, self.readSeq) = (deliveredSeq, readSeq)
    }
  }
}
