/// Who may know something about a member.
public enum Audience: String, Sendable, Codable, CaseIterable {
  /// Every member.
  case everyone
  /// Members who share a conversation with them.
  case contacts
  /// Nobody but themselves.
  case nobody
}

/// What others are shown of a profile. Whether others see that a member is there is presence's to decide, not this.
public struct ProfilePrivacy: Codable, Sendable, Equatable {
  /// Who finds the member by searching.
  public let listed: Audience
  /// Who is told where the member is, and finds the member by that.
  public let location: Audience
  /// Who is told what the member wants to learn.
  public let learning: Audience

  /// Decides who is shown what; everybody everything by default.
  public init(listed: Audience = .everyone, location: Audience = .everyone, learning: Audience = .everyone) {
    (self.listed, self.location, self.learning) = (listed, location, learning)
  }
}
