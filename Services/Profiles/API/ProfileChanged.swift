import Contract

/// What others show of a member has changed.
public struct ProfileChanged: Event, Equatable {
  public static let name = "profiles.profile-changed"
  public var subject: UniqueID { member.value }

  /// The member.
  public let member: MemberID
  /// The first name.
  public let firstName: ProfileName
  /// The last name.
  public let lastName: ProfileName
  /// Where the picture is.
  public let avatar: String?
  /// By whose clock the member lives.
  public let timezone: ZoneName?
  /// What the member speaks, the best first.
  public let languages: [LanguageTag]
  /// How the member learns best.
  public let learningStyle: LearningStyle?

  /// States the fact.
  public init(
    member: MemberID, firstName: ProfileName, lastName: ProfileName, avatar: String?, timezone: ZoneName?,
    languages: [LanguageTag], learningStyle: LearningStyle?
  ) {
    (self.member, self.firstName, self.lastName) = (member, firstName, lastName)
    (self.avatar, self.timezone, self.languages) = (avatar, timezone, languages)
    self.learningStyle = learningStyle
  }
}
