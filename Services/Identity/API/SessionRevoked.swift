import Contract

/// A sign-in has ended before its time.
public struct SessionRevoked: Event, Equatable {
  public static let name = "identity.session-revoked"
  public var subject: UniqueID { member.value }

  /// Why it ended.
  public enum Cause: String, Codable, Sendable, CaseIterable {
    /// Its owner signed out, there or from another device.
    case signedOut = "signed_out"
    /// A refresh token came back that was exchanged before: it was stolen.
    case tokenReused = "token_reused"
    /// The password was reset.
    case passwordReset = "password_reset"
    /// The member has signed in on too many other devices since.
    case crowdedOut = "crowded_out"
    /// The member was banned.
    case banned
  }

  /// The member.
  public let member: MemberID
  /// The sign-in.
  public let session: AuthSessionID
  /// Why it ended.
  public let cause: Cause

  /// States the fact.
  public init(member: MemberID, session: AuthSessionID, cause: Cause) {
    (self.member, self.session, self.cause) = (member, session, cause)
  }
}
