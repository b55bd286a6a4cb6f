import Contract

/// A member who was suspended or banned is let in again.
public struct MemberRestored: Event {
  public static let name = "identity.member-restored"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID

  /// States the fact.
  public init(member: MemberID) { self.member = member }
}
