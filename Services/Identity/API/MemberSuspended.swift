import Contract

/// A member is shut out for some time.
public struct MemberSuspended: Event {
  public static let name = "identity.member-suspended"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// Until when.
  public let until: Timestamp
  /// Why, for staff to read.
  public let reason: String

  /// States the fact.
  public init(member: MemberID, until: Timestamp, reason: String) {
    (self.member, self.until, self.reason) = (member, until, reason)
  }
}
