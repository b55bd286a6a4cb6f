import Contract

/// The members of whom whoever asks may see that they are there, those who joined last first.
public struct WhoIsOnline: Endpoint {
  public static let name = "presence.who-is-online"
  public static let route: Route? = .get("/api/v1/users/presence/online", .member, rate: .costly)

  /// What somebody may be to others.
  public enum Group: String, Codable, Sendable, CaseIterable {
    /// They offer a skill.
    case provider
  }

  /// One page.
  public struct Reply: Codable, Sendable {
    /// The members. A page may have fewer than asked for, and still others follow.
    public let items: [PresenceView]
    /// Where the next page begins; null on the last.
    public let nextCursor: String?

    /// A page of members.
    public init(items: [PresenceView], nextCursor: String?) { (self.items, self.nextCursor) = (items, nextCursor) }
  }

  /// Only these; everybody by default.
  public let role: Group?
  /// How many at most, 1 to 100; 50 by default.
  public let limit: PageSize?
  /// Where the page begins, as the page before it said.
  public let cursor: MemberID?

  /// Asks for a page.
  public init(role: Group? = nil, limit: PageSize? = nil, cursor: MemberID? = nil) {
    (self.role, self.limit, self.cursor) = (role, limit, cursor)
  }
}
