import Contract

/// Shows no picture of oneself any more. Where there is none it does nothing.
public struct RemoveAvatar: Endpoint {
  public static let name = "profiles.remove-avatar"
  public static let route: Route? = .delete("/api/v1/me/avatar", .member)

  public typealias Reply = Nothing

  /// Asks to remove it.
  public init() {}
}
