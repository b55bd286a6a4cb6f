import Contract

/// A member who is to be announced to nobody: in no list of who is there, joining nothing, typing nothing. By member.
public struct HiddenMember: SharedState, Equatable {
  public static let topic = "presence.hidden"

  /// Hides a member.
  public init() {}
}
