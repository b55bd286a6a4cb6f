import Contract
import ProfilesAPI

/// What a search asks for, in terms of the index.
struct SearchCriteria: Equatable {
  /// How many are found unless somebody asks for more or fewer.
  private static let usualLimit = 20

  /// All of these.
  let terms: [String]
  /// One of these statuses; nil for any. What is not told counts as `offline`.
  let statuses: Set<OnlineStatus>?
  /// Words that must be there; nil for any.
  let text: String?
  /// The least rating in hundredths.
  let leastRating: Int?
  /// Active since; nil for whenever.
  let activeSince: Timestamp?
  /// Active since, or there now; nil for whenever.
  let seenSince: Timestamp?
  let order: SearchMembers.Order
  let limit: Int
  let after: SearchCursor?

  /// Understands a request in which `skill` and `category` were found in the taxonomy. Throws `InvalidField`.
  init(_ request: SearchMembers, skill: String?, category: String?, now: Timestamp) throws(InvalidField) {
    var terms: [String] = []
    if let skill { terms.append(SearchTerm.skill(skill, request.minTier)) }
    if let category { terms.append(SearchTerm.category(category, request.minTier)) }
    if skill == nil, category == nil, let tier = request.minTier {
      terms.append(tier == .beginner ? SearchTerm.provider : SearchTerm.tier(tier))
    }
    if request.verified == true {
      if let skill { terms.append(SearchTerm.verifiedSkill(skill)) }
      if let category { terms.append(SearchTerm.verifiedCategory(category)) }
      if skill == nil, category == nil { terms.append(SearchTerm.verified) }
    }
    if request.role == .provider { terms.append(SearchTerm.provider) }
    if let place = request.location {
      let words = SearchTerm.words(of: place)
      guard !words.isEmpty else {
        throw InvalidField(pointer: "?location", value: InvalidValue("characters", "must have a letter or a digit"))
      }
      terms += words
    }
    if let language = request.language, let term = SearchTerm.languages(language).last { terms.append(term) }
    self.terms = Set(terms).sorted()
    statuses = request.onlineStatus.map(Set.init)
    text = request.q.map { SearchTerm.plain($0.text) }
    leastRating = request.minRating.map { Int(($0.value * 100).rounded()) }
    activeSince = request.activeWithin.map { now - $0.duration }
    seenSince = request.lastSeenWithin.map { now - $0.duration }
    order = request.sort ?? .best
    limit = request.limit?.number ?? Self.usualLimit
    if let cursor = request.cursor {
      guard let after = SearchCursor(cursor, for: order) else {
        throw InvalidField(
          pointer: "?cursor", value: InvalidValue("cursor", "must be the nextCursor of a page with the same sort"))
      }
      self.after = after
    } else {
      after = nil
    }
  }
}
