import Contract

/// Says that a member is a provider, or is none any more, whatever profiles tell. Only the operator may.
public struct AppointProvider: Endpoint {
  public static let name = "messaging.appoint-provider"
  public static let route: Route? = nil

  public typealias Reply = Nothing
  public typealias Refusal = OperatorRefusal

  /// The member.
  public let member: MemberID
  /// Whether the member is one.
  public let isProvider: Bool

  /// Asks for the change.
  public init(member: MemberID, isProvider: Bool) { (self.member, self.isProvider) = (member, isProvider) }
}
