import Contract

/// Whether a member is there.
public struct PresenceOf: Endpoint {
  public static let name = "presence.of"
  public static let route: Route? = .get("/api/v1/users/presence/{userId}", .member)

  public typealias Reply = PresenceView
  public typealias Refusal = PresenceRefusal

  /// The member.
  public let userId: MemberID

  /// Asks about a member.
  public init(userId: MemberID) { self.userId = userId }
}

/// Whether a member is there, at the place where older clients look.
public struct StatusOf: Endpoint {
  public static let name = "presence.status-of"
  public static let route: Route? = .get("/api/v1/user/{userId}/status", .member)

  public typealias Reply = PresenceView
  public typealias Refusal = PresenceRefusal

  /// The member.
  public let userId: MemberID

  /// Asks about a member.
  public init(userId: MemberID) { self.userId = userId }
}
