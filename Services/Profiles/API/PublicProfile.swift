import Contract

/// A profile as others see it, each by what they may see.
public struct PublicProfile: Codable, Sendable, Equatable {
  /// The member.
  public let id: MemberID
  /// The first name.
  public let firstName: ProfileName
  /// The last name.
  public let lastName: ProfileName
  /// What the member tells about themselves.
  public let bio: Biography?
  /// Where the member is; null to those who may not know.
  public let location: Place?
  /// By whose clock the member lives; null to those who may not know where the member is.
  public let timezone: ZoneName?
  /// What the member speaks, the best first.
  public let languages: [LanguageTag]
  /// How the member learns best.
  public let learningStyle: LearningStyle?
  /// Where the picture is.
  public let avatarUrl: String?
  /// Whether the member offers at least one skill.
  public let isProvider: Bool
  /// Since when there has been a profile.
  public let memberSince: Timestamp
  /// What the member offers, and what the member wants to those who may know.
  public let skills: [MemberSkill]
  /// How others rate the member.
  public let rating: RatingSummary
  /// How fast the member answers; null for who is no provider or does not tell.
  public let responseMetrics: ResponseSummary?
  /// Whether the member is there.
  public let presence: PresenceSummary
  /// What the member was distinguished for.
  public let badges: [Badge]

  /// Describes a member.
  public init(
    id: MemberID, firstName: ProfileName, lastName: ProfileName, bio: Biography?, location: Place?,
    timezone: ZoneName?, languages: [LanguageTag], learningStyle: LearningStyle?, avatarUrl: String?,
    isProvider: Bool, memberSince: Timestamp, skills: [MemberSkill], rating: RatingSummary,
    responseMetrics: ResponseSummary?, presence: PresenceSummary, badges: [Badge]
  ) {
    (self.id, self.firstName, self.lastName, self.bio) = (id, firstName, lastName, bio)
    (self.location, self.timezone, self.languages) = (location, timezone, languages)
    (self.learningStyle, self.avatarUrl, self.isProvider) = (learningStyle, avatarUrl, isProvider)
    (self.memberSince, self.skills, self.rating) = (memberSince, skills, rating)
    (self.responseMetrics, self.presence, self.badges) = (responseMetrics, presence, badges)
  }
}

/// What a member was distinguished for.
public enum Badge: String, Sendable, Codable, CaseIterable {
  /// A skill that the member offers was confirmed by others.
  case verifiedSkill = "verified_skill"
}

/// How others rate a member.
public struct RatingSummary: Codable, Sendable, Equatable {
  /// The mean, 1 to 5; null while there is none.
  public let average: Double?
  /// How many have rated.
  public let count: Int

  /// Describes ratings.
  public init(average: Double?, count: Int) { (self.average, self.count) = (average, count) }

  /// Nobody has rated yet.
  public static let none = RatingSummary(average: nil, count: 0)
}

/// How fast a provider answers, for everybody.
public struct ResponseSummary: Codable, Sendable, Equatable {
  /// "about 2 hours"; null without enough data.
  public let averageText: String?
  /// "85%"; null without enough data.
  public let responseRateText: String?
  /// Whether there were enough questions to say anything.
  public let enoughData: Bool

  /// Describes a provider.
  public init(averageText: String?, responseRateText: String?, enoughData: Bool) {
    (self.averageText, self.responseRateText, self.enoughData) = (averageText, responseRateText, enoughData)
  }
}

/// Whether a member is there, as whoever asks may see it.
public struct PresenceSummary: Codable, Sendable, Equatable {
  /// Whether the member is there.
  public let status: OnlineStatus
  /// When the member last did something; null when it is not told.
  public let lastActive: Timestamp?

  /// Describes a member.
  public init(status: OnlineStatus, lastActive: Timestamp?) { (self.status, self.lastActive) = (status, lastActive) }

  /// What is seen of whom one may not see.
  public static let unseen = PresenceSummary(status: .offline, lastActive: nil)
}

/// Whether somebody is there.
public enum OnlineStatus: String, Sendable, Codable, CaseIterable {
  /// There, and doing something.
  case online
  /// There, but not at it at the moment.
  case away
  /// There, and not to be disturbed.
  case busy
  /// Not there, as far as others may know.
  case offline
}
