import Contract

/// A member does not offer or want a skill any more.
public struct SkillRemoved: Event, Equatable {
  public static let name = "profiles.skill-removed"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// The entry.
  public let id: MemberSkillID
  /// The skill of the taxonomy.
  public let skillId: SkillID
  /// Offered or wanted.
  public let kind: SkillKind

  /// States the fact.
  public init(member: MemberID, id: MemberSkillID, skillId: SkillID, kind: SkillKind) {
    (self.member, self.id, self.skillId, self.kind) = (member, id, skillId, kind)
  }
}
