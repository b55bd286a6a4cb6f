import Contract

/// What watchers of a member are told when the status has changed, and when they begin to watch.
public struct UserStatusChange: Push, Equatable {
  public static let name = "user-status-change"
  public static let isKept = false

  /// Who somebody is.
  public struct User: Codable, Sendable, Equatable {
    /// The member.
    public let id: MemberID
    /// The first name, as soon as it is known.
    public let firstName: String?
    /// The last name, as soon as it is known.
    public let lastName: String?
    /// Where their picture is, if there is one.
    public let avatar: String?

    /// Describes somebody.
    public init(id: MemberID, firstName: String?, lastName: String?, avatar: String?) {
      (self.id, self.firstName, self.lastName, self.avatar) = (id, firstName, lastName, avatar)
    }
  }

  /// The member.
  public let userId: MemberID
  /// Whether they are there.
  public let status: PresenceStatus
  /// When they last did something; null when they do not tell.
  public let lastActive: Timestamp?
  /// Of two changes the one with the higher version is the later.
  public let version: Int64
  /// Who they are.
  public let user: User

  /// States the change.
  public init(userId: MemberID, status: PresenceStatus, lastActive: Timestamp?, version: Int64, user: User) {
    (self.userId, self.status, self.user) = (userId, status, user)
    (self.lastActive, self.version) = (lastActive, version)
  }
}
