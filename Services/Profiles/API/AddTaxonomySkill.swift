import Contract

/// Adds a skill to the taxonomy.
public struct AddTaxonomySkill: Endpoint {
  public static let name = "profiles.add-taxonomy-skill"
  public static let route: Route? = .post("/api/v1/admin/skills", .admin)

  public typealias Reply = Skills.Entry
  public typealias Refusal = TaxonomyRefusal

  /// The name for people; the slug is made from it.
  public let name: TaxonomyName
  /// The category, by id or slug.
  public let category: TaxonomyReference

  /// Asks to add a skill.
  public init(name: TaxonomyName, category: TaxonomyReference) { (self.name, self.category) = (name, category) }
}

/// Why the taxonomy stays as it is.
public enum TaxonomyRefusal: String, Refusal, CaseIterable {
  /// There is no such skill.
  case notFound = "skill_not_found"
  /// Another one has the slug that comes of the name.
  case nameTaken = "name_taken"

  public var status: Int { self == .notFound ? 404 : 409 }

  public var detail: String {
    switch self {
    case .notFound: "There is no such skill."
    case .nameTaken: "There is one of this name, or of one too much like it."
    }
  }
}
