import Contract

/// Shuts a member out, for some time or for good. Every access token of theirs is refused within seconds.
public struct SuspendMember: Endpoint {
  public static let name = "identity.suspend-member"
  public static let route: Route? = nil

  public typealias Reply = Nothing
  public typealias Refusal = StaffRefusal

  /// The member.
  public let member: MemberID
  /// Until when; nil for good.
  public let until: Timestamp?
  /// Why, for staff to read.
  public let reason: String

  /// Asks to shut a member out.
  public init(member: MemberID, until: Timestamp?, reason: String) {
    (self.member, self.until, self.reason) = (member, until, reason)
  }
}
