import Contract

/// What a system message tells of its conversation; who caused it is the message's sender.
public struct Notice: Codable, Sendable, Equatable {
  /// What has happened.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// Members have joined.
    case joined
    /// A member has left, or was removed by somebody else.
    case left
    /// The conversation has another title.
    case retitled
  }

  /// What has happened.
  public let kind: Kind
  /// To whom.
  public let memberIds: [MemberID]

  /// Describes what has happened.
  public init(_ kind: Kind, _ memberIds: [MemberID] = []) { (self.kind, self.memberIds) = (kind, memberIds) }
}
