import Contract

/// A member's profile, as whoever asks may see it.
public struct ProfileOf: Endpoint {
  public static let name = "profiles.of"
  public static let route: Route? = .get("/api/v1/users/{userId}", .member)

  public typealias Reply = PublicProfile

  /// Why there is none.
  public enum Refusal: String, Contract.Refusal, CaseIterable {
    /// There is no such member, or none for whoever asks.
    case notFound = "member_not_found"

    public var status: Int { 404 }
    public var detail: String { "There is no such member." }
  }

  /// The member.
  public let userId: MemberID

  /// Asks about a member.
  public init(userId: MemberID) { self.userId = userId }
}
