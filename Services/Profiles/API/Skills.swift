import Contract

/// The skills of the taxonomy by name. Of those that are looked for, the one that is called so comes first, then those whose
/// names begin so.
public struct Skills: Endpoint {
  public static let name = "profiles.skills"
  public static let route: Route? = .get("/api/v1/skills", .anyone)

  /// One skill.
  public struct Entry: Codable, Sendable, Equatable {
    /// The skill.
    public let id: SkillID
    /// The name in addresses: "classical-guitar".
    public let slug: String
    /// The name for people.
    public let name: String
    /// The category's slug.
    public let category: String

    /// Describes a skill.
    public init(id: SkillID, slug: String, name: String, category: String) {
      (self.id, self.slug, self.name, self.category) = (id, slug, name, category)
    }
  }

  /// A page, with an entity tag.
  public struct Reply: Codable, Sendable, Equatable, ReplyHeaders {
    /// The skills.
    public let items: [Entry]
    /// Where the next page begins; null on the last.
    public let nextCursor: String?
    /// Rises with each change of the taxonomy.
    public let version: Int

    /// Lists skills.
    public init(items: [Entry], nextCursor: String?, version: Int) {
      (self.items, self.nextCursor, self.version) = (items, nextCursor, version)
    }

    /// The entity tag.
    public var headers: [ReplyHeader] { [ReplyHeader(.entityTag, "\"t\(version)\"")] }
  }

  /// Part of the name.
  public let q: SearchText?
  /// Only of this category.
  public let category: TaxonomyReference?
  /// How many; 100 by default.
  public let limit: PageSize?
  /// Where to go on: the slug of the last skill that was seen.
  public let cursor: TaxonomyReference?

  /// Asks for a page.
  public init(
    q: SearchText? = nil, category: TaxonomyReference? = nil, limit: PageSize? = nil, cursor: TaxonomyReference? = nil
  ) {
    (self.q, self.category, self.limit, self.cursor) = (q, category, limit, cursor)
  }
}
