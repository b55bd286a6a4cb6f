import Contract
import ProfilesAPI

/// What of a profile is shown to whom.
extension MemberProfile {
  /// The profile as somebody of this relation sees it.
  func shown(
    to relation: Relation, _ skills: SkillSet, _ response: KnownResponse?, _ presence: KnownPresence?, now: Timestamp
  ) -> PublicProfile {
    let maySeePlace = privacy.location.includes(relation)
    let maySeeWishes = privacy.learning.includes(relation)
    return PublicProfile(
      id: id, firstName: firstName, lastName: lastName, bio: bio, location: maySeePlace ? location : nil,
      timezone: maySeePlace ? timezone : nil, languages: languages, learningStyle: learningStyle, avatarUrl: avatarURL,
      isProvider: skills.isProvider, memberSince: createdAt,
      skills: maySeeWishes ? skills.all : skills.taught, rating: .none,
      responseMetrics: skills.isProvider ? response?.summary : nil,
      presence: presence?.summary(for: relation, now: now) ?? .unseen,
      badges: skills.taught.contains(where: \.verified) ? [.verifiedSkill] : [])
  }

  /// The member as a search shows them to somebody of this relation.
  func card(
    for relation: Relation, taught: [MemberSkill], _ presence: KnownPresence?, now: Timestamp
  ) -> SearchMembers.Card {
    SearchMembers.Card(
      id: id, firstName: firstName, lastName: lastName, avatarUrl: avatarURL,
      location: privacy.location.includes(relation) ? location : nil, languages: languages,
      isProvider: !taught.isEmpty, skills: taught, rating: .none,
      presence: presence?.summary(for: relation, now: now) ?? .unseen)
  }
}
