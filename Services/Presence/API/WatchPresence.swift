import Contract

/// Lets a member watch whether another is there. Who may not see it is not told so: to them the other is offline.
public struct WatchPresence: Endpoint {
  public static let name = "presence.watch"
  public static let route: Route? = nil
  public static let socket: SocketUse? = .admits(to: pattern)
  public static let effect = Effect.read

  /// The channels on which members are watched.
  public static let pattern: ChannelPattern = "presence-user-{member}"
  /// The view of those who may see the status: they are told when it changes.
  public static let fullView = "full"
  /// The view of all others.
  public static let hiddenView = "hidden"

  public typealias Reply = ChannelGrant
  public typealias Refusal = PresenceRefusal

  /// Whom to watch.
  public let member: MemberID

  /// Asks to watch a member.
  public init(member: MemberID) { self.member = member }
}
