/// Whether somebody is there.
public enum PresenceStatus: String, Sendable, Codable, CaseIterable {
  /// There, and doing something.
  case online
  /// There, but not at it at the moment.
  case away
  /// There, and not to be disturbed.
  case busy
  /// Not there, as far as others may know.
  case offline
}

/// Who may see whether a member is there.
public enum StatusAudience: String, Sendable, Codable, CaseIterable {
  /// Every member.
  case everyone
  /// Members who share a conversation with them.
  case contacts
  /// Nobody.
  case nobody
}
