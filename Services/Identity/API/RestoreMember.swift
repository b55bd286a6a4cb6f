import Contract

/// Lets a member in again who was suspended or banned. One who was neither stays as they are.
public struct RestoreMember: Endpoint {
  public static let name = "identity.restore-member"
  public static let route: Route? = nil

  public typealias Reply = Nothing
  public typealias Refusal = StaffRefusal

  /// The member.
  public let member: MemberID

  /// Asks to let a member in.
  public init(member: MemberID) { self.member = member }
}
