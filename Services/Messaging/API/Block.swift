import Contract

/// Cuts a member off: neither writes to the other from now on. Doing it twice changes nothing.
public struct Block: Endpoint {
  public static let name = "messaging.block"
  public static let route: Route? = .post("/api/v1/blocks/{user}", .member)
  public static let key = PartitionKey.member

  public typealias Reply = Nothing
  public typealias Refusal = BlockRefusal

  /// Whom.
  public let user: MemberID

  /// Asks to block a member.
  public init(user: MemberID) { self.user = user }
}

/// Why somebody cannot be blocked.
public enum BlockRefusal: String, Refusal, CaseIterable {
  /// There is no such member.
  case notFound = "member_not_found"
  /// Nobody blocks themselves.
  case yourself
  /// Too many are blocked already.
  case tooMany = "too_many_blocks"

  public var status: Int {
    switch self {
    case .notFound: 404
    case .yourself, .tooMany: 409
    }
  }

  public var detail: String {
    switch self {
    case .notFound: "There is no such member."
    case .yourself: "You cannot block yourself."
    case .tooMany: "You can block at most 10,000 members."
    }
  }
}
