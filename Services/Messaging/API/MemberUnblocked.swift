import Contract

/// A member has taken a block back.
public struct MemberUnblocked: Event {
  public static let name = "messaging.member-unblocked"
  public var subject: UniqueID { member.value }

  /// Who blocked.
  public let member: MemberID
  /// Who was blocked.
  public let blocked: MemberID

  /// States the fact.
  public init(member: MemberID, blocked: MemberID) { (self.member, self.blocked) = (member, blocked) }
}
