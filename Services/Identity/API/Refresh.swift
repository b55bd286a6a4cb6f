import Contract

/// Exchanges a refresh token for new tokens.
///
/// Each refresh token is exchanged once. One that was exchanged before ends its sign-in, since two hold it and one of
/// them is a thief; but within 30 seconds it gives the same refresh token again, since answers get lost.
public struct Refresh: Endpoint {
  public static let name = "identity.refresh"
  public static let route: Route? = .post("/api/v1/auth/refresh", .anyone, rate: .sensitive)
  public static let success = 200

  public typealias Reply = Tokens

  /// Why there are no new tokens.
  public enum Refusal: String, Contract.Refusal, CaseIterable {
    /// The token is none, has expired, or its sign-in has ended.
    case invalidToken = "token_invalid"
    /// The member is suspended for some time.
    case accountSuspended = "account_suspended"
    /// The member is banned.
    case accountBanned = "account_banned"

    public var status: Int { self == .invalidToken ? 401 : 403 }

    public var detail: String {
      switch self {
      case .invalidToken: "The refresh token does not hold any more; sign in again."
      case .accountSuspended: "This account is suspended."
      case .accountBanned: "This account is banned."
      }
    }
  }

  /// The token that was given last.
  public let refreshToken: String

  /// Asks for new tokens.
  public init(refreshToken: String) { self.refreshToken = refreshToken }
}
