import Contract

/// The categories of the taxonomy, in their order.
public struct SkillCategories: Endpoint {
  public static let name = "profiles.skill-categories"
  public static let route: Route? = .get("/api/v1/skills/categories", .anyone)

  /// One category.
  public struct Category: Codable, Sendable, Equatable {
    /// The category.
    public let id: CategoryID
    /// The name in addresses: "music".
    public let slug: String
    /// The name for people.
    public let name: String
    /// How many skills it has.
    public let skillCount: Int

    /// Describes a category.
    public init(id: CategoryID, slug: String, name: String, skillCount: Int) {
      (self.id, self.slug, self.name, self.skillCount) = (id, slug, name, skillCount)
    }
  }

  /// All of them, with an entity tag.
  public struct Reply: Codable, Sendable, Equatable, ReplyHeaders {
    /// The categories.
    public let items: [Category]
    /// Always null.
    public let nextCursor: String?
    /// Rises with each change of the taxonomy.
    public let version: Int

    /// Lists categories.
    public init(items: [Category], version: Int) { (self.items, nextCursor, self.version) = (items, nil, version) }

    /// The entity tag.
    public var headers: [ReplyHeader] { [ReplyHeader(.entityTag, "\"t\(version)\"")] }
  }

  /// Asks for the categories.
  public init() {}
}
