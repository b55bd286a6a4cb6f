import Contract

/// Changes a skill that one offers or wants. What is not given stays as it is.
public struct ChangeSkill: Endpoint {
  public static let name = "profiles.change-skill"
  public static let route: Route? = .patch("/api/v1/me/skills/{id}", .member)
  public static let key = PartitionKey.member

  public typealias Reply = MemberSkill
  public typealias Refusal = SkillRefusal

  /// The entry.
  public let id: MemberSkillID
  /// Offered or wanted.
  public let kind: SkillKind?
  /// How well it is mastered.
  public let proficiency: Proficiency?
  /// What the member tells about it.
  public let description: Edit<SkillDescription>

  /// Asks for a change.
  public init(
    id: MemberSkillID, kind: SkillKind? = nil, proficiency: Proficiency? = nil,
    description: Edit<SkillDescription> = .keep
  ) {
    (self.id, self.kind, self.proficiency, self.description) = (id, kind, proficiency, description)
  }
}
