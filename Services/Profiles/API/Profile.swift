import Contract

/// A profile as its owner sees it.
public struct Profile: Codable, Sendable, Equatable, ReplyHeaders {
  /// How much of a profile is filled.
  public struct Completeness: Codable, Sendable, Equatable {
    /// 0 to 100.
    public let percent: Int
    /// The fields that are still empty.
    public let missing: [Part]

    /// Describes it.
    public init(percent: Int, missing: [Part]) { (self.percent, self.missing) = (percent, missing) }
  }

  /// What makes a profile complete, beside the names, which are always there.
  public enum Part: String, Codable, Sendable, CaseIterable {
    case bio, location, timezone, languages, learningStyle, preferences, avatar, skills
  }

  /// The member.
  public let id: MemberID
  /// The address to sign in with; null in the moment before it is known here.
  public let email: String?
  /// Whether the address was proven.
  public let emailVerified: Bool
  /// The first name.
  public let firstName: ProfileName
  /// The last name.
  public let lastName: ProfileName
  /// What the member tells about themselves.
  public let bio: Biography?
  /// Where the member is.
  public let location: Place?
  /// By whose clock the member lives.
  public let timezone: ZoneName?
  /// What the member speaks, the best first.
  public let languages: [LanguageTag]
  /// How the member learns best.
  public let learningStyle: LearningStyle?
  /// When and how long the member would like to meet.
  public let preferences: Preferences
  /// What others are shown.
  public let privacy: ProfilePrivacy
  /// Where the picture is.
  public let avatarUrl: String?
  /// Whether the member offers at least one skill.
  public let isProvider: Bool
  /// How much of it is filled.
  public let completeness: Completeness
  /// Rises with each change; the entity tag is `"v<version>"`.
  public let version: Int

  /// Describes a profile.
  public init(
    id: MemberID, email: String?, emailVerified: Bool, firstName: ProfileName, lastName: ProfileName, bio: Biography?,
    location: Place?, timezone: ZoneName?, languages: [LanguageTag], learningStyle: LearningStyle?,
    preferences: Preferences, privacy: ProfilePrivacy, avatarUrl: String?, isProvider: Bool,
    completeness: Completeness, version: Int
  ) {
    (self.id, self.email, self.emailVerified) = (id, email, emailVerified)
    (self.firstName, self.lastName, self.bio, self.location) = (firstName, lastName, bio, location)
    (self.timezone, self.languages, self.learningStyle) = (timezone, languages, learningStyle)
    (self.preferences, self.privacy, self.avatarUrl) = (preferences, privacy, avatarUrl)
    (self.isProvider, self.completeness, self.version) = (isProvider, completeness, version)
  }

  /// The entity tag.
  public var headers: [ReplyHeader] { [ReplyHeader(.entityTag, "\"v\(version)\"")] }
}
