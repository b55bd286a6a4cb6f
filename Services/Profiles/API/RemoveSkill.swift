import Contract

/// Removes a skill that one offers or wants. Who offered no other one is a provider no more.
public struct RemoveSkill: Endpoint {
  public static let name = "profiles.remove-skill"
  public static let route: Route? = .delete("/api/v1/me/skills/{id}", .member)
  public static let key = PartitionKey.member

  public typealias Reply = Nothing
  public typealias Refusal = SkillRefusal

  /// The entry.
  public let id: MemberSkillID

  /// Asks to remove a skill.
  public init(id: MemberSkillID) { self.id = id }
}
