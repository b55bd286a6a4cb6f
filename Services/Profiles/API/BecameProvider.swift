import Contract

/// A member who offered no skill offers one: they are a provider from now on.
public struct BecameProvider: Event {
  public static let name = "profiles.became-provider"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID

  /// States the fact.
  public init(member: MemberID) { self.member = member }
}
