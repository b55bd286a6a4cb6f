import Contract

/// Overrides the automatic status, and says something about oneself. What is not given stays as it is.
///
/// `busy` and `offline` hold whatever one does; `away` is automatic, but never `offline`; `online` is automatic.
public struct ChooseStatus: Endpoint {
  public static let name = "presence.choose-status"
  public static let route: Route? = .patch("/api/v1/users/presence/status", .member)
  public static let socket: SocketUse? = .takes(event: "setStatus")

  public typealias Reply = PresenceView

  /// The choice.
  public let status: PresenceStatus?
  /// When what is given here ends by itself; alone, when what was given earlier does.
  public let until: Edit<Timestamp>
  /// A line about oneself.
  public let message: Edit<StatusMessage>
  /// An emoji beside it.
  public let emoji: Edit<StatusEmoji>
  /// With `busy`: notifications are held back too.
  public let doNotDisturb: Bool?

  /// Asks for a change.
  public init(
    status: PresenceStatus? = nil, until: Edit<Timestamp> = .keep, message: Edit<StatusMessage> = .keep,
    emoji: Edit<StatusEmoji> = .keep, doNotDisturb: Bool? = nil
  ) {
    (self.status, self.until, self.doNotDisturb) = (status, until, doNotDisturb)
    (self.message, self.emoji) = (message, emoji)
  }
}
