import Contract

/// The skills that one offers and wants, in the order in which they were added.
public struct OwnSkills: Endpoint {
  public static let name = "profiles.own-skills"
  public static let route: Route? = .get("/api/v1/me/skills", .member)

  /// All of them: a member has at most 50.
  public struct Reply: Codable, Sendable, Equatable {
    /// The skills.
    public let items: [MemberSkill]
    /// Always null.
    public let nextCursor: String?

    /// Lists skills.
    public init(items: [MemberSkill]) { (self.items, nextCursor) = (items, nil) }
  }

  /// Asks for the list.
  public init() {}
}
