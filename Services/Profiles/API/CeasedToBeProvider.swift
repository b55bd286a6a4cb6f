import Contract

/// A provider offers no skill any more.
public struct CeasedToBeProvider: Event {
  public static let name = "profiles.ceased-to-be-provider"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID

  /// States the fact.
  public init(member: MemberID) { self.member = member }
}
