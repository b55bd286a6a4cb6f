import Contract

/// A skill that a member offers or wants.
public enum MemberSkillEntry {}
/// Identifies a skill of a member.
public typealias MemberSkillID = ID<MemberSkillEntry>

/// A skill that a member offers or wants, as everybody who may see it does.
public struct MemberSkill: Codable, Sendable, Equatable {
  /// The entry.
  public let id: MemberSkillID
  /// The skill of the taxonomy.
  public let skillId: SkillID
  /// The skill's name.
  public let name: String
  /// The slug of the skill's category.
  public let category: String
  /// Offered or wanted.
  public let kind: SkillKind
  /// How well it is mastered.
  public let proficiency: Proficiency
  /// The same in a word.
  public let tier: SkillTier
  /// What the member tells about it.
  public let description: SkillDescription?
  /// Whether others have confirmed it.
  public let verified: Bool

  /// Describes a skill of a member.
  public init(
    id: MemberSkillID, skillId: SkillID, name: String, category: String, kind: SkillKind, proficiency: Proficiency,
    description: SkillDescription?, verified: Bool
  ) {
    (self.id, self.skillId, self.name, self.category) = (id, skillId, name, category)
    (self.kind, self.proficiency, self.tier) = (kind, proficiency, SkillTier(proficiency))
    (self.description, self.verified) = (description, verified)
  }
}
