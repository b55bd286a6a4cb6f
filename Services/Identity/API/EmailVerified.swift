import Contract

/// A member has proven to read the mail of an address: from now on it may be written to.
public struct EmailVerified: Event {
  public static let name = "identity.email-verified"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// The address.
  public let email: EmailAddress

  /// States the fact.
  public init(member: MemberID, email: EmailAddress) { (self.member, self.email) = (member, email) }
}
