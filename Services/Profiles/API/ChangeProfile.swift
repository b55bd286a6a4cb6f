import Contract

/// Changes one's own profile. What is not given stays as it is; `If-Match` keeps from overwriting another's change.
public struct ChangeProfile: Endpoint {
  public static let name = "profiles.change"
  public static let route: Route? = .patch("/api/v1/me", .member)

  public typealias Reply = Profile

  /// The first name.
  public let firstName: ProfileName?
  /// The last name.
  public let lastName: ProfileName?
  /// What the member tells about themselves.
  public let bio: Edit<Biography>
  /// Where the member is.
  public let location: Edit<Place>
  /// By whose clock the member lives.
  public let timezone: Edit<ZoneName>
  /// What the member speaks, the best first; at most 12.
  public let languages: SpokenLanguages?
  /// How the member learns best.
  public let learningStyle: Edit<LearningStyle>
  /// When and how long the member would like to meet; null for nothing in particular.
  public let preferences: Edit<Preferences>
  /// What others are shown: all of it, not a part.
  public let privacy: ProfilePrivacy?

  /// Asks for a change.
  public init(
    firstName: ProfileName? = nil, lastName: ProfileName? = nil, bio: Edit<Biography> = .keep,
    location: Edit<Place> = .keep, timezone: Edit<ZoneName> = .keep, languages: SpokenLanguages? = nil,
    learningStyle: Edit<LearningStyle> = .keep, preferences: Edit<Preferences> = .keep,
    privacy: ProfilePrivacy? = nil
  ) {
    (self.firstName, self.lastName, self.bio, self.location) = (firstName, lastName, bio, location)
    (self.timezone, self.languages, self.learningStyle) = (timezone, languages, learningStyle)
    (self.preferences, self.privacy) = (preferences, privacy)
  }
}

/// Languages in order, at most 12, none twice.
public struct SpokenLanguages: Codable, Sendable, Equatable {
  private static let limit = 12

  /// The languages.
  public let tags: [LanguageTag]

  /// Takes languages; throws `InvalidValue` when there are too many, or one is there twice.
  public init(_ tags: [LanguageTag]) throws(InvalidValue) {
    guard tags.count <= Self.limit else { throw InvalidValue("too_many", "must have at most \(Self.limit) elements") }
    guard Set(tags).count == tags.count else { throw InvalidValue("duplicate", "must have no element twice") }
    self.tags = tags
  }

  /// Reads a list; throws `InvalidValue` as `init` does.
  public init(from decoder: any Decoder) throws { try self.init([LanguageTag](from: decoder)) }

  /// Writes the list.
  public func encode(to encoder: any Encoder) throws { try tags.encode(to: encoder) }
}

extension SpokenLanguages: Described {
  /// A list of tags.
  public static var schema: Schema { .array(LanguageTag.schema, limit: limit) }
  /// No language.
  public static var sample: SpokenLanguages { try! SpokenLanguages([]) }
}
