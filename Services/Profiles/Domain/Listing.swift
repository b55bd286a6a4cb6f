import Contract
import ProfilesAPI

/// What a member can be found by, and in which order: all that a search looks at.
struct Listing: Equatable {
  let member: MemberID
  /// Everybody, or contacts.
  let listedTo: Audience
  /// What everybody may find the member by.
  let terms: [String]
  /// What contacts may find the member by besides.
  let contactTerms: [String]
  /// Whether contacts are told more than others are.
  let tellsContactsMore: Bool
  /// The names, which are looked for as they are written; also what the member is sorted by among names.
  let names: String
  /// The biography and what is offered, which are looked for by the stems of their words.
  let text: String
  /// Hundredths of a mean rating; 0 while there is none.
  let rating: Int
  /// Higher for who has the better ratings and the fuller profile.
  let standing: Int

  /// Nil for a member whom nobody may find.
  init?(
    _ profile: MemberProfile, _ skills: SkillSet, slugs: [SkillID: String], _ presence: KnownPresence?,
    rating summary: RatingSummary = .none
  ) {
    guard !profile.isShutOut, profile.privacy.listed != .nobody else { return nil }
    member = profile.id
    listedTo = profile.privacy.listed
    var terms = Set(profile.languages.flatMap(SearchTerm.languages))
    var contactTerms: Set<String> = []
    for skill in skills.taught { terms.formUnion(SearchTerm.terms(of: skill, slug: slugs[skill.skillId] ?? "")) }
    if skills.isProvider { terms.insert(SearchTerm.provider) }
    func tell(_ found: some Sequence<String>, to audience: Audience) {
      switch audience {
      case .everyone: terms.formUnion(found)
      case .contacts: contactTerms.formUnion(found)
      case .nobody: break
      }
    }
    if let location = profile.location { tell(SearchTerm.words(of: location), to: profile.privacy.location) }
    if let presence, presence.status != .offline {
      tell([SearchTerm.status(presence.status)], to: presence.visibleTo)
    }
    self.terms = terms.sorted()
    self.contactTerms = contactTerms.sorted()
    tellsContactsMore =
      listedTo == .contacts || !contactTerms.isEmpty || presence.map { $0.visibleTo == .contacts } ?? false
    names = SearchTerm.plain("\(profile.firstName) \(profile.lastName)")
    let texts = [profile.bio?.text] + skills.taught.flatMap { [$0.name, $0.description?.text] }
    text = SearchTerm.plain(texts.compactMap(\.self).joined(separator: "\n"))
    rating = summary.average.map { Int(($0 * 100).rounded()) } ?? 0
    standing = Self.standing(summary, profile.completeness(with: skills))
  }

  /// The ratings count five times as much as the fullness of the profile. Few ratings count as if five more of 3.5 had been
  /// given, so that one friend's five stars do not win.
  private static func standing(_ rating: RatingSummary, _ completeness: Profile.Completeness) -> Int {
    let weighted = ((rating.average ?? 0) * Double(rating.count) + 3.5 * 5) / Double(rating.count + 5)
    return Int((weighted * 100).rounded()) + completeness.percent
  }
}
