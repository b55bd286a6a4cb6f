import Contract

/// Signs a member in on one device.
public struct Login: Endpoint {
  public static let name = "identity.login"
  public static let route: Route? = .post("/api/v1/auth/login", .anyone, rate: .sensitive)
  public static let success = 200

  public typealias Reply = SignedIn
  public typealias Refusal = SignInRefusal

  /// The address, as it was registered.
  public let email: EmailAddress
  /// The password.
  public let password: String
  /// The code of a second factor; not looked at as long as members have none.
  public let totp: String?
  /// What to call the device in the list of devices.
  public let deviceName: PersonName?

  /// Asks to sign in.
  public init(email: EmailAddress, password: String, totp: String? = nil, deviceName: PersonName? = nil) {
    (self.email, self.password, self.totp, self.deviceName) = (email, password, totp, deviceName)
  }
}

/// Why somebody is not let in.
public enum SignInRefusal: String, Refusal, CaseIterable {
  /// No member has this address and this password. It is not said which of the two is wrong.
  case invalidCredentials = "invalid_credentials"
  /// Too many attempts with the address failed.
  case tooManyAttempts = "too_many_attempts"
  /// The member is suspended for some time.
  case accountSuspended = "account_suspended"
  /// The member is banned.
  case accountBanned = "account_banned"

  public var status: Int {
    switch self {
    case .invalidCredentials: 401
    case .tooManyAttempts: 429
    case .accountSuspended, .accountBanned: 403
    }
  }

  public var detail: String {
    switch self {
    case .invalidCredentials: "The address or the password is wrong."
    case .tooManyAttempts: "Too many attempts failed. Wait a few minutes, or reset the password."
    case .accountSuspended: "This account is suspended."
    case .accountBanned: "This account is banned."
    }
  }
}
