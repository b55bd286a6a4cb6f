import Contract

/// A member offers or wants another skill.
public struct SkillAdded: Event, Equatable {
  public static let name = "profiles.skill-added"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// The skill as it is now.
  public let skill: MemberSkill

  /// States the fact.
  public init(member: MemberID, skill: MemberSkill) { (self.member, self.skill) = (member, skill) }
}
