import Contract

/// One's own profile, with an entity tag.
public struct OwnProfile: Endpoint {
  public static let name = "profiles.own"
  public static let route: Route? = .get("/api/v1/me", .member)

  public typealias Reply = Profile

  /// Asks for it.
  public init() {}
}
