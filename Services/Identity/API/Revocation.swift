import Contract

/// The sign-ins and members whose access tokens are refused though they have not expired: `session:<id>` and
/// `member:<id>`. Every gateway keeps a copy.
public struct Revocation: SharedState, Equatable {
  public static let topic = "identity.revocations"

  /// Why.
  public enum Reason: String, Codable, Sendable {
    /// The member is shut out for some time.
    case suspended
    /// The member is shut out for good.
    case banned
    /// The sign-in was ended.
    case revoked
    /// The password was reset.
    case reset
  }

  /// From then on nothing is refused any more.
  public let until: Timestamp
  /// Why.
  public let reason: Reason

  /// Refuses until `until`.
  public init(until: Timestamp, reason: Reason) { (self.until, self.reason) = (until, reason) }

  /// The key of a sign-in.
  public static func key(of session: AuthSessionID) -> String { "session:\(session)" }
  /// The key of a member, with all sign-ins.
  public static func key(of member: MemberID) -> String { "member:\(member)" }
}
