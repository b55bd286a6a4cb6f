import Contract

/// Chooses a new password by a mailed token. It ends all sign-ins of the member, and proves the address.
public struct ResetPassword: Endpoint {
  public static let name = "identity.reset-password"
  public static let route: Route? = .post("/api/v1/auth/password/reset", .anyone, rate: .sensitive)

  public typealias Reply = Nothing
  public typealias Refusal = TokenRefusal

  /// The token from the mail.
  public let token: String
  /// The password to sign in with from now on.
  public let password: NewPassword

  /// Chooses a new password.
  public init(token: String, password: NewPassword) { (self.token, self.password) = (token, password) }
}
