import Contract

/// What somebody who registers or signs in gets: who they are, and the tokens to prove it with.
public struct SignedIn: Codable, Sendable {
  /// The account, as its owner sees it.
  public struct User: Codable, Sendable, Equatable {
    /// The member.
    public let id: MemberID
    /// The address to sign in with.
    public let email: EmailAddress
    /// The first name at registration.
    public let firstName: PersonName
    /// The last name at registration.
    public let lastName: PersonName
    /// What the member may do.
    public let role: Role
    /// Whether the address was proven to be the member's.
    public let emailVerified: Bool

    /// Describes an account.
    public init(
      id: MemberID, email: EmailAddress, firstName: PersonName, lastName: PersonName, role: Role, emailVerified: Bool
    ) {
      (self.id, self.email, self.firstName, self.lastName) = (id, email, firstName, lastName)
      (self.role, self.emailVerified) = (role, emailVerified)
    }
  }

  /// The account.
  public let user: User
  /// Sent with each request as `Authorization: Bearer …`.
  public let accessToken: String
  /// Exchanged for new tokens when the access token has expired.
  public let refreshToken: String
  /// For how many seconds the access token holds.
  public let expiresIn: Int

  /// Puts an answer together.
  public init(user: User, tokens: Tokens) {
    self.user = user
    (accessToken, refreshToken, expiresIn) = (tokens.accessToken, tokens.refreshToken, tokens.expiresIn)
  }
}

/// The two tokens of a sign-in.
public struct Tokens: Codable, Sendable, Equatable {
  /// Sent with each request as `Authorization: Bearer …`.
  public let accessToken: String
  /// Exchanged for new tokens when the access token has expired. Each holds for 30 days and is used once.
  public let refreshToken: String
  /// For how many seconds the access token holds.
  public let expiresIn: Int

  /// Puts tokens together.
  public init(accessToken: String, refreshToken: String, expiresIn: Int) {
    (self.accessToken, self.refreshToken, self.expiresIn) = (accessToken, refreshToken, expiresIn)
  }
}
