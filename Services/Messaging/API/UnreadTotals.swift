import Contract

/// What the member has not read, for badges. Archived and muted conversations do not count.
public struct UnreadTotals: Endpoint {
  public static let name = "messaging.unread-totals"
  public static let route: Route? = .get("/api/v1/me/unread", .member)

  /// The totals.
  public struct Reply: Codable, Sendable, Equatable {
    /// How many messages.
    public let messages: Int64
    /// In how many conversations.
    public let conversations: Int64

    /// Says how much is unread.
    public init(messages: Int64, conversations: Int64) {
      (self.messages, self.conversations) = (messages, conversations)
    }
  }

  /// Asks for the totals.
  public init() {}
}
