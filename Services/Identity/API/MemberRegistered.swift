import Contract

/// Somebody has become a member. The address is not to be written to before it is proven: `EmailVerified`.
public struct MemberRegistered: Event {
  public static let name = "identity.member-registered"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// The first name.
  public let firstName: PersonName
  /// The last name.
  public let lastName: PersonName
  /// From the member who brought this one.
  public let referralCode: ReferralCode?
  /// The address to sign in with; nil in events from before it was told.
  public let email: EmailAddress?

  /// States the fact.
  public init(
    member: MemberID, firstName: PersonName, lastName: PersonName, referralCode: ReferralCode?,
    email: EmailAddress? = nil
  ) {
    (self.member, self.firstName, self.lastName) = (member, firstName, lastName)
    (self.referralCode, self.email) = (referralCode, email)
  }
}
