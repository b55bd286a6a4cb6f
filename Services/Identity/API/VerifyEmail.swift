import Contract

/// Proves that the holder of the mailed token reads the member's mail.
public struct VerifyEmail: Endpoint {
  public static let name = "identity.verify-email"
  public static let route: Route? = .post("/api/v1/auth/verify-email", .anyone, rate: .sensitive)

  public typealias Reply = Nothing
  public typealias Refusal = TokenRefusal

  /// The token from the mail.
  public let token: String

  /// Shows a token.
  public init(token: String) { self.token = token }
}

/// Why a mailed token is not accepted.
public enum TokenRefusal: String, Refusal, CaseIterable {
  /// It is none, was used, or its time is over.
  case invalidToken = "token_invalid"

  public var status: Int { 400 }
  public var detail: String { "This link was used already or has expired. Ask for a new one." }
}
