import Contract

/// Finds members by what they offer, who they are, where they are, and whether they are there. All that is asked for must
/// hold; of what somebody may not know about a member, nothing can be found out by asking for it or sorting by it.
public struct SearchMembers: Endpoint {
  public static let name = "profiles.search"
  public static let route: Route? = .get("/api/v1/users", .member, rate: .costly)

  /// What somebody may be to others.
  public enum Group: String, Codable, Sendable, CaseIterable {
    /// They offer a skill.
    case provider
  }

  /// What comes first.
  public enum Order: String, Codable, Sendable, CaseIterable {
    /// Who has the better ratings and the fuller profile.
    case best
    /// Who has the better ratings.
    case rating
    /// Who was active last.
    case active
    /// Who came last.
    case newest
    /// By name.
    case name
  }

  /// Somebody who was found.
  public struct Card: Codable, Sendable, Equatable {
    /// The member.
    public let id: MemberID
    /// The first name.
    public let firstName: ProfileName
    /// The last name.
    public let lastName: ProfileName
    /// Where the picture is.
    public let avatarUrl: String?
    /// Where the member is; null to those who may not know.
    public let location: Place?
    /// What the member speaks, the best first.
    public let languages: [LanguageTag]
    /// Whether the member offers at least one skill.
    public let isProvider: Bool
    /// What the member offers: the best ten.
    public let skills: [MemberSkill]
    /// How others rate the member.
    public let rating: RatingSummary
    /// Whether the member is there.
    public let presence: PresenceSummary

    /// Describes a member.
    public init(
      id: MemberID, firstName: ProfileName, lastName: ProfileName, avatarUrl: String?, location: Place?,
      languages: [LanguageTag], isProvider: Bool, skills: [MemberSkill], rating: RatingSummary,
      presence: PresenceSummary
    ) {
      (self.id, self.firstName, self.lastName, self.avatarUrl) = (id, firstName, lastName, avatarUrl)
      (self.location, self.languages, self.isProvider) = (location, languages, isProvider)
      (self.skills, self.rating, self.presence) = (skills, rating, presence)
    }
  }

  /// A page.
  public struct Reply: Codable, Sendable, Equatable {
    /// The members.
    public let items: [Card]
    /// Where the next page begins; null on the last.
    public let nextCursor: String?

    /// Lists members.
    public init(items: [Card], nextCursor: String?) { (self.items, self.nextCursor) = (items, nextCursor) }
  }

  /// Words in names, biographies, and the names and descriptions of skills that are offered.
  public let q: SearchText?
  /// A skill that is offered.
  public let skill: TaxonomyReference?
  /// A category of which a skill is offered.
  public let category: TaxonomyReference?
  /// The least mastery of the skill, of one of the category's, or of any.
  public let minTier: SkillTier?
  /// Words of the location.
  public let location: Place?
  /// The least rating, 1 to 5.
  public let minRating: LeastRating?
  /// A language that is spoken; `de` finds `de-AT` too.
  public let language: LanguageTag?
  /// Whether the skill, one of the category's, or any was confirmed by others.
  public let verified: Bool?
  /// Who is there; may be given several times.
  public let onlineStatus: [OnlineStatus]?
  /// Who did something within this time, as "15m", "24h" or "7d".
  public let activeWithin: LookBack?
  /// The same, or is there now.
  public let lastSeenWithin: LookBack?
  /// Only these.
  public let role: Group?
  /// What comes first; `best` by default.
  public let sort: Order?
  /// How many; 20 by default.
  public let limit: PageSize?
  /// Where to go on, as the page before said.
  public let cursor: String?

  /// Asks for a page.
  public init(
    q: SearchText? = nil, skill: TaxonomyReference? = nil, category: TaxonomyReference? = nil,
    minTier: SkillTier? = nil, location: Place? = nil, minRating: LeastRating? = nil, language: LanguageTag? = nil,
    verified: Bool? = nil, onlineStatus: [OnlineStatus]? = nil, activeWithin: LookBack? = nil,
    lastSeenWithin: LookBack? = nil, role: Group? = nil, sort: Order? = nil, limit: PageSize? = nil,
    cursor: String? = nil
  ) {
    (self.q, self.skill, self.category, self.minTier) = (q, skill, category, minTier)
    (self.location, self.minRating, self.language) = (location, minRating, language)
    (self.verified, self.onlineStatus) = (verified, onlineStatus)
    (self.activeWithin, self.lastSeenWithin, self.role) = (activeWithin, lastSeenWithin, role)
    (self.sort, self.limit, self.cursor) = (sort, limit, cursor)
  }
}

/// The least rating that is wanted: 1 to 5.
public struct LeastRating: Hashable, Sendable, Codable {
  private static let range = 1.0...5.0

  /// The rating.
  public let value: Double

  /// Reads a number; throws `InvalidValue` outside of the limits.
  public init(from decoder: any Decoder) throws {
    let value = try decoder.singleValueContainer().decode(Double.self)
    guard Self.range.contains(value) else { throw InvalidValue("range", "must be between 1 and 5") }
    self.value = value
  }

  private init(known value: Double) { self.value = value }

  /// Writes the number.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(value)
  }
}

extension LeastRating: Described {
  /// A number in the range.
  public static var schema: Schema { .number(range) }
  /// Four.
  public static var sample: LeastRating { LeastRating(known: 4) }
}

/// A time that reaches back from now: whole minutes, hours or days ("15m", "24h", "7d"), at most a year. A number alone is
/// minutes.
public struct LookBack: FormedText {
  private static let limit = Duration.seconds(366 * 86_400)

  /// How far back.
  public let duration: Duration
  /// The text.
  public let description: String

  /// Reads a time; nil for what is none.
  public init?(_ text: String) {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let seconds: [Substring: Int] = ["": 60, "m": 60, "h": 3600, "d": 86_400]
    guard digits.count <= 6, let count = Int(digits), count > 0, let unit = seconds[text.dropFirst(digits.count)],
      Duration.seconds(count * unit) <= Self.limit
    else { return nil }
    duration = .seconds(count * unit)
    description = text
  }

  /// What is said about text that is no such time.
  public static var malformed: InvalidValue {
    InvalidValue("time", "must be minutes, hours or days such as 15m, 24h or 7d, at most a year")
  }
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...7) }
  /// A day.
  public static var sample: LookBack { LookBack("24h")! }
}
