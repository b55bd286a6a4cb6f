import Contract

/// The conversations of the member who asks: pinned ones first, then by the newest message.
public struct Conversations: Endpoint {
  public static let name = "messaging.conversations"
  public static let route: Route? = .get("/api/v1/conversations", .member)

  /// A page.
  public struct Reply: Codable, Sendable {
    /// The conversations.
    public let items: [Conversation]
    /// Where the next page begins; null on the last.
    public let nextCursor: String?

    /// Lists conversations.
    public init(items: [Conversation], nextCursor: String?) { (self.items, self.nextCursor) = (items, nextCursor) }
  }

  /// Those out of sight instead of the others.
  public let archived: Bool?
  /// How many.
  public let limit: PageSize?
  /// Where to go on.
  public let cursor: String?

  /// Asks for a page.
  public init(archived: Bool? = nil, limit: PageSize? = nil, cursor: String? = nil) {
    (self.archived, self.limit, self.cursor) = (archived, limit, cursor)
  }
}
