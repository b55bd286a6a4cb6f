import Contract
import Foundation
import ProfilesAPI

/// Who a member is to others, without the skills.
struct MemberProfile: Equatable {
  let id: MemberID
  let createdAt: Timestamp
  private(set) var email: String?
  private(set) var emailVerified: Bool
  private(set) var firstName: ProfileName
  private(set) var lastName: ProfileName
  private(set) var bio: Biography?
  private(set) var location: Place?
  private(set) var timezone: ZoneName?
  private(set) var languages: [LanguageTag]
  private(set) var learningStyle: LearningStyle?
  private(set) var preferences: Preferences
  private(set) var privacy: ProfilePrivacy
  private(set) var picture: Picture?
  /// Whether the member is suspended or banned, and shown to nobody.
  private(set) var isShutOut: Bool
  /// Rises with each change.
  private(set) var version: Int

  /// A profile as it was stored.
  init(
    id: MemberID, createdAt: Timestamp, email: String?, emailVerified: Bool, firstName: ProfileName,
    lastName: ProfileName, bio: Biography?, location: Place?, timezone: ZoneName?, languages: [LanguageTag],
    learningStyle: LearningStyle?, preferences: Preferences, privacy: ProfilePrivacy, picture: Picture?,
    isShutOut: Bool, version: Int
  ) {
    (self.id, self.createdAt, self.email, self.emailVerified) = (id, createdAt, email, emailVerified)
    (self.firstName, self.lastName, self.bio, self.location) = (firstName, lastName, bio, location)
    (self.timezone, self.languages, self.learningStyle) = (timezone, languages, learningStyle)
    (self.preferences, self.privacy, self.picture) = (preferences, privacy, picture)
    (self.isShutOut, self.version) = (isShutOut, version)
  }

  /// The empty profile of somebody who has become a member.
  init(of id: MemberID, firstName: ProfileName, lastName: ProfileName, email: String?, now: Timestamp) {
    self.init(
      id: id, createdAt: now, email: email, emailVerified: false, firstName: firstName, lastName: lastName, bio: nil,
      location: nil, timezone: nil, languages: [], learningStyle: nil, preferences: .none, privacy: ProfilePrivacy(),
      picture: nil, isShutOut: false, version: 1)
  }

  /// The version as clients compare it.
  var entityTag: String { "\"v\(version)\"" }

  /// Makes a change that the owner asks for. Returns what to tell others; nil when they see no difference.
  ///
  /// Throws `InvalidField` for what only a look at all of it shows to be wrong.
  mutating func apply(_ change: ChangeProfile) throws(InvalidField) -> ProfileChanged? {
    if case .set(let zone) = change.timezone, !Self.isKnown(zone) {
      throw InvalidField(pointer: "/timezone", value: ZoneName.unknown)
    }
    let before = self
    firstName = change.firstName ?? firstName
    lastName = change.lastName ?? lastName
    bio = change.bio.applied(to: bio)
    location = change.location.applied(to: location)
    timezone = change.timezone.applied(to: timezone)
    languages = change.languages?.tags ?? languages
    learningStyle = change.learningStyle.applied(to: learningStyle)
    preferences = change.preferences.applied(to: preferences) ?? .none
    privacy = change.privacy ?? privacy
    guard self != before else { return nil }
    version += 1
    return fact == before.fact ? nil : fact
  }

  /// Whether the database of time zones has a zone: what is no name of it would be read as an offset or a nickname.
  private static func isKnown(_ zone: ZoneName) -> Bool { zone.text == "UTC" || TimeZone(identifier: zone.text) != nil }

  /// Takes another picture, or none. Returns what to tell others; nil when it is the same.
  mutating func show(_ picture: Picture?) -> ProfileChanged? {
    guard picture != self.picture else { return nil }
    self.picture = picture
    version += 1
    return fact
  }

  /// Notes what identity says about the address.
  mutating func prove(email: String) {
    guard self.email != email || !emailVerified else { return }
    (self.email, emailVerified) = (email, true)
    version += 1
  }

  /// Shows the member to nobody, or to others again.
  mutating func shutOut(_ isShutOut: Bool) { self.isShutOut = isShutOut }

  /// The member's skills have changed, which the profile shows in part.
  mutating func noteSkills() { version += 1 }

  /// Where the picture is, in the size that is shown in most places.
  var avatarURL: String? { picture?.path(.usual) }

  private var fact: ProfileChanged {
    ProfileChanged(
      member: id, firstName: firstName, lastName: lastName, avatar: avatarURL, timezone: timezone, languages: languages,
      learningStyle: learningStyle)
  }

  /// The profile as its owner sees it.
  func own(with skills: SkillSet) -> Profile {
    Profile(
      id: id, email: email, emailVerified: emailVerified, firstName: firstName, lastName: lastName, bio: bio,
      location: location, timezone: timezone, languages: languages, learningStyle: learningStyle,
      preferences: preferences, privacy: privacy, avatarUrl: avatarURL, isProvider: skills.isProvider,
      completeness: completeness(with: skills), version: version)
  }

  /// How much of the profile is filled: each part counts the same, and so do the two names.
  func completeness(with skills: SkillSet) -> Profile.Completeness {
    let missing = Profile.Part.allCases.filter { part in
      switch part {
      case .bio: bio == nil
      case .location: location == nil
      case .timezone: timezone == nil
      case .languages: languages.isEmpty
      case .learningStyle: learningStyle == nil
      case .preferences: preferences == .none
      case .avatar: picture == nil
      case .skills: skills.isEmpty
      }
    }
    let all = Profile.Part.allCases.count + 2
    return Profile.Completeness(percent: 100 * (all - missing.count) / all, missing: missing)
  }
}

/// A field that is wrong for a reason that its type does not know.
struct InvalidField: Error, Equatable {
  /// Where it is in the body.
  let pointer: String
  /// What is wrong with it.
  let value: InvalidValue
}
