import Contract

/// A member is shut out for good.
public struct MemberBanned: Event {
  public static let name = "identity.member-banned"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// Why, for staff to read.
  public let reason: String

  /// States the fact.
  public init(member: MemberID, reason: String) { (self.member, self.reason) = (member, reason) }
}
