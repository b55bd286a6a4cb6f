import Contract

/// Adds a category to the taxonomy, behind the others.
public struct AddCategory: Endpoint {
  public static let name = "profiles.add-category"
  public static let route: Route? = .post("/api/v1/admin/skills/categories", .admin)

  public typealias Reply = SkillCategories.Category
  public typealias Refusal = TaxonomyRefusal

  /// The name for people; the slug is made from it.
  public let name: TaxonomyName

  /// Asks to add a category.
  public init(name: TaxonomyName) { self.name = name }
}
