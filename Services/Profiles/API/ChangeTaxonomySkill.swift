import Contract

/// Changes a skill of the taxonomy, takes it out, or takes it in again. What is not given stays as it is. The slug stays,
/// so that links hold.
public struct ChangeTaxonomySkill: Endpoint {
  public static let name = "profiles.change-taxonomy-skill"
  public static let route: Route? = .patch("/api/v1/admin/skills/{id}", .admin)

  public typealias Reply = Skills.Entry
  public typealias Refusal = TaxonomyRefusal

  /// The skill.
  public let id: SkillID
  /// The name for people.
  public let name: TaxonomyName?
  /// The category, by id or slug.
  public let category: TaxonomyReference?
  /// Whether it is taken out: those who have it keep it, and nobody else can add it.
  public let isRetired: Bool?

  /// Asks for a change.
  public init(id: SkillID, name: TaxonomyName? = nil, category: TaxonomyReference? = nil, isRetired: Bool? = nil) {
    (self.id, self.name, self.category, self.isRetired) = (id, name, category, isRetired)
  }
}
