import Contract

/// A skill of the taxonomy: what can be taught and learned here.
public enum Skill {}
/// Identifies a skill of the taxonomy.
public typealias SkillID = ID<Skill>

/// A group of skills.
public enum SkillCategory {}
/// Identifies a category.
public typealias CategoryID = ID<SkillCategory>

/// A skill or a category as a query names it: by its id or by its slug.
public enum TaxonomyReference: FormedText {
  /// By id.
  case id(UniqueID)
  /// By slug: lower-case letters and digits, joined by hyphens.
  case slug(String)

  private static let maximumLength = 80

  /// Reads either; nil for what is neither.
  public init?(_ text: String) {
    let isSlug = text.utf8.allSatisfy { (48...57).contains($0) || (97...122).contains($0) || $0 == UInt8(ascii: "-") }
    if let id = UniqueID(text) {
      self = .id(id)
    } else if isSlug, (1...Self.maximumLength).contains(text.utf8.count) {
      self = .slug(text)
    } else {
      return nil
    }
  }

  /// The text.
  public var description: String {
    switch self {
    case .id(let id): id.description
    case .slug(let slug): slug
    }
  }

  /// What is said about text that is neither.
  public static var malformed: InvalidValue {
    InvalidValue("reference", "must be an id, or a slug such as classical-guitar")
  }
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some skill.
  public static var sample: TaxonomyReference { .slug("guitar") }
}
