import Contract

/// Mails a link to choose a new password with. Whether the address is known cannot be told from the answer.
public struct ForgotPassword: Endpoint {
  public static let name = "identity.forgot-password"
  public static let route: Route? = .post("/api/v1/auth/password/forgot", .anyone, rate: .sensitive)

  public typealias Reply = Nothing

  /// The address, as it was registered.
  public let email: EmailAddress

  /// Asks for the mail.
  public init(email: EmailAddress) { self.email = email }
}
