import Contract

/// Makes a member, signs them in, and mails them a link that proves the address.
public struct Register: Endpoint {
  public static let name = "identity.register"
  public static let route: Route? = .post("/api/v1/auth/register", .anyone, rate: .sensitive)

  public typealias Reply = SignedIn

  /// Why there is no new member.
  public enum Refusal: String, Contract.Refusal, CaseIterable {
    /// Somebody is registered with the address.
    case emailTaken = "email_taken"
    /// Too many registrations of the address failed.
    case tooManyAttempts = "too_many_attempts"

    public var status: Int {
      switch self {
      case .emailTaken: 409
      case .tooManyAttempts: 429
      }
    }

    public var detail: String {
      switch self {
      case .emailTaken: "Somebody is registered with this address. Sign in, or reset the password."
      case .tooManyAttempts: "This address was tried too often. Wait a few minutes."
      }
    }
  }

  /// The address to sign in with.
  public let email: EmailAddress
  /// The password to sign in with.
  public let password: NewPassword
  /// The first name.
  public let firstName: PersonName
  /// The last name.
  public let lastName: PersonName
  /// From the member who brought this one.
  public let referralCode: ReferralCode?
  /// What to call the device in the list of devices.
  public let deviceName: PersonName?

  /// Asks for a registration.
  public init(
    email: EmailAddress, password: NewPassword, firstName: PersonName, lastName: PersonName,
    referralCode: ReferralCode? = nil, deviceName: PersonName? = nil
  ) {
    (self.email, self.password, self.firstName, self.lastName) = (email, password, firstName, lastName)
    (self.referralCode, self.deviceName) = (referralCode, deviceName)
  }
}
