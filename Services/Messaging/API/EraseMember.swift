import Contract

/// Forgets a member: deletes what they wrote, takes them out of all groups, and forgets their name and blocks; some at a
/// time. Only identity and the operator may.
public struct EraseMember: Endpoint {
  public static let name = "messaging.erase-member"
  public static let route: Route? = nil

  public typealias Refusal = OperatorRefusal

  /// How far it went.
  public struct Reply: Codable, Sendable, Equatable {
    /// Whether nothing is left.
    public let isDone: Bool

    /// Says how far it went.
    public init(isDone: Bool) { self.isDone = isDone }
  }

  /// The member.
  public let member: MemberID

  /// Asks to forget a member.
  public init(member: MemberID) { self.member = member }
}
