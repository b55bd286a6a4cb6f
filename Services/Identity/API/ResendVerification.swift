import Contract

/// Mails the link that proves the address once more.
public struct ResendVerification: Endpoint {
  public static let name = "identity.resend-verification"
  public static let route: Route? = .post("/api/v1/auth/verify-email/resend", .member, rate: .sensitive)

  public typealias Reply = Nothing

  /// Asks for the mail.
  public init() {}
}
