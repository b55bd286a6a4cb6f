import Contract

/// A skill that a member offers or wants has changed: its mastery, its description, or which of the two it is.
public struct SkillChanged: Event, Equatable {
  public static let name = "profiles.skill-changed"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// The skill as it is now.
  public let skill: MemberSkill

  /// States the fact.
  public init(member: MemberID, skill: MemberSkill) { (self.member, self.skill) = (member, skill) }
}
