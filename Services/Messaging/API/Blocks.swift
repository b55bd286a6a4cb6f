import Contract

/// Whom the member has blocked, the newest first.
public struct Blocks: Endpoint {
  public static let name = "messaging.blocks"
  public static let route: Route? = .get("/api/v1/blocks", .member)

  /// One block.
  public struct Entry: Codable, Sendable, Equatable {
    /// Who is blocked.
    public let userId: MemberID
    /// The first name; null for somebody who is not known any more.
    public let firstName: String?
    /// The last name.
    public let lastName: String?
    /// Since when.
    public let blockedAt: Timestamp

    /// Describes a block.
    public init(userId: MemberID, firstName: String?, lastName: String?, blockedAt: Timestamp) {
      (self.userId, self.firstName, self.lastName, self.blockedAt) = (userId, firstName, lastName, blockedAt)
    }
  }

  /// A page.
  public struct Reply: Codable, Sendable {
    /// The blocks.
    public let items: [Entry]
    /// Where the next page begins; null on the last.
    public let nextCursor: String?

    /// Lists blocks.
    public init(items: [Entry], nextCursor: String?) { (self.items, self.nextCursor) = (items, nextCursor) }
  }

  /// How many.
  public let limit: PageSize?
  /// Where to go on.
  public let cursor: String?

  /// Asks for a page.
  public init(limit: PageSize? = nil, cursor: String? = nil) { (self.limit, self.cursor) = (limit, cursor) }
}
