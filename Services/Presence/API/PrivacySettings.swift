import Contract

/// Who may see whether a member is there.
public struct Privacy: Codable, Sendable, Equatable {
  /// Who sees the status; to others the member is offline.
  public var showOnlineStatus: StatusAudience
  /// Whether times are told in rough words only: "recently", "this week".
  public var hideExactTimes: Bool

  /// Decides who sees what; everybody sees everything by default.
  public init(showOnlineStatus: StatusAudience = .everyone, hideExactTimes: Bool = false) {
    (self.showOnlineStatus, self.hideExactTimes) = (showOnlineStatus, hideExactTimes)
  }
}

/// One's own settings.
public struct PrivacySettings: Endpoint {
  public static let name = "presence.privacy-settings"
  public static let route: Route? = .get("/api/v1/users/presence/settings", .member)

  public typealias Reply = Privacy

  /// Asks for them.
  public init() {}
}

/// Changes one's own settings. What is not given stays as it is.
public struct ChangePrivacy: Endpoint {
  public static let name = "presence.change-privacy"
  public static let route: Route? = .patch("/api/v1/users/presence/settings", .member)

  public typealias Reply = Privacy

  /// Who sees the status.
  public let showOnlineStatus: StatusAudience?
  /// Whether times are told in rough words only.
  public let hideExactTimes: Bool?

  /// Asks for a change.
  public init(showOnlineStatus: StatusAudience? = nil, hideExactTimes: Bool? = nil) {
    (self.showOnlineStatus, self.hideExactTimes) = (showOnlineStatus, hideExactTimes)
  }
}
