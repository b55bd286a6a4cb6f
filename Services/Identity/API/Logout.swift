import Contract

/// Ends the sign-in that a refresh token belongs to. Of a token that belongs to none there is nothing to end.
public struct Logout: Endpoint {
  public static let name = "identity.logout"
  public static let route: Route? = .post("/api/v1/auth/logout", .anyone)

  public typealias Reply = Nothing

  /// The token that was given last.
  public let refreshToken: String

  /// Asks to end a sign-in.
  public init(refreshToken: String) { self.refreshToken = refreshToken }
}
