import Contract

/// A member wants nothing to do with another.
public struct MemberBlocked: Event {
  public static let name = "messaging.member-blocked"
  public var subject: UniqueID { member.value }

  /// Who blocks.
  public let member: MemberID
  /// Who is blocked.
  public let blocked: MemberID

  /// States the fact.
  public init(member: MemberID, blocked: MemberID) { (self.member, self.blocked) = (member, blocked) }
}
