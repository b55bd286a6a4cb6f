import Contract

/// A member's presence, as whoever asks may see it. Who may not sees what they would see of somebody who was never there.
public struct PresenceView: Codable, Sendable, Equatable {
  /// The member.
  public let userId: MemberID
  /// Whether they are there.
  public let status: PresenceStatus
  /// When they last did something; null when they never did or do not tell.
  public let lastActive: Timestamp?
  /// The same for people: "Active now", "Last active 5m ago".
  public let lastActiveText: String
  /// What they say about themselves.
  public let customStatus: CustomStatus?

  /// Describes somebody.
  public init(
    userId: MemberID, status: PresenceStatus, lastActive: Timestamp?, lastActiveText: String,
    customStatus: CustomStatus?
  ) {
    (self.userId, self.status, self.customStatus) = (userId, status, customStatus)
    (self.lastActive, self.lastActiveText) = (lastActive, lastActiveText)
  }
}

/// Why nothing is said about a member.
public enum PresenceRefusal: String, Refusal, CaseIterable {
  /// There is no such member.
  case notFound = "member_not_found"

  public var status: Int { 404 }
  public var detail: String { "There is no such member." }
}
