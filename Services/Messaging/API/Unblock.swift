import Contract

/// Takes a block back. One that is not there is passed over.
public struct Unblock: Endpoint {
  public static let name = "messaging.unblock"
  public static let route: Route? = .delete("/api/v1/blocks/{user}", .member)
  public static let key = PartitionKey.member

  public typealias Reply = Nothing

  /// Whom.
  public let user: MemberID

  /// Asks to unblock a member.
  public init(user: MemberID) { self.user = user }
}
