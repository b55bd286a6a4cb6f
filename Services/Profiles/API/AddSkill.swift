import Contract

/// Adds a skill that one offers or wants. Who offers a first one becomes a provider.
public struct AddSkill: Endpoint {
  public static let name = "profiles.add-skill"
  public static let route: Route? = .post("/api/v1/me/skills", .member)

  public typealias Reply = MemberSkill
  public typealias Refusal = SkillRefusal

  /// The skill of the taxonomy.
  public let skillId: SkillID
  /// Offered or wanted.
  public let kind: SkillKind
  /// How well it is mastered.
  public let proficiency: Proficiency
  /// What the member tells about it.
  public let description: SkillDescription?

  /// Asks to add a skill.
  public init(skillId: SkillID, kind: SkillKind, proficiency: Proficiency, description: SkillDescription? = nil) {
    (self.skillId, self.kind, self.proficiency, self.description) = (skillId, kind, proficiency, description)
  }
}

/// Why a skill of a member stays as it is.
public enum SkillRefusal: String, Refusal, CaseIterable {
  /// The member has no such entry.
  case notFound = "skill_not_found"
  /// The member offers or wants the skill already.
  case duplicate = "skill_exists"
  /// The member has as many as one can have.
  case tooMany = "too_many_skills"

  public var status: Int { self == .notFound ? 404 : 409 }

  public var detail: String {
    switch self {
    case .notFound: "You have no such skill."
    case .duplicate: "You have this skill already. Change it instead of adding it again."
    case .tooMany: "You can have at most 50 skills. Remove one first."
    }
  }
}
