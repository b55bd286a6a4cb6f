import Contract
import EventLoop
import Postgres
import ProfilesAPI

/// Who can be found by what, in `listings`. Whoever writes a member's listing has loaded the profile.
@Loop struct ListingStore {
  /// Whom a search is for.
  struct Searcher {
    let member: MemberID
    /// Those whom the member must not see, and who must not be seen by the member.
    let parted: [MemberID]
    /// The contacts who tell contacts more than others.
    let confidants: [MemberID]
  }

  /// Some of those who were found.
  struct Page {
    let members: [MemberID]
    /// Where the next page goes on; nil on the last.
    let next: SearchCursor?
  }

  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Stores what a member can be found by.
  func save(_ listing: Listing) async throws {
    try await database.query(
      """
      insert into listings (member_id, listed_to, terms, contact_terms, tells_contacts_more, document, sort_name,
        rating, standing)
      values (\(listing.member), \(listing.listedTo.rawValue), \(listing.terms), \(listing.contactTerms),
        \(listing.tellsContactsMore), \(Self.document(listing)), \(listing.names), \(listing.rating),
        \(listing.standing))
      on conflict (member_id) do update set listed_to = excluded.listed_to, terms = excluded.terms,
        contact_terms = excluded.contact_terms, tells_contacts_more = excluded.tells_contacts_more,
        document = excluded.document, sort_name = excluded.sort_name, rating = excluded.rating,
        standing = excluded.standing
      """)
  }

  /// A member can be found no more.
  func remove(_ member: MemberID) async throws {
    try await database.query("delete from listings where member_id = \(member)")
  }

  // Names stand there as they are and by their stems too, so that they may be looked for beside other words.
  private static func document(_ listing: Listing) -> SQL {
    "to_tsvector('simple', \(listing.names)) || to_tsvector('english', \(listing.names + "\n" + listing.text))"
  }

  // MARK: Searching

  /// One page. `database` is a transaction here.
  ///
  /// A search has two halves. Everybody is looked at as everybody may see them, but for the searcher's confidants: those
  /// few are looked at as contacts may see them. So nobody is found, or sorted, by what the searcher may not know.
  func find(_ criteria: SearchCriteria, for searcher: Searcher) async throws -> Page {
    try await database.query(Self.planning)
    // One more than is wanted tells whether there is a next page.
    let limit = criteria.limit + 1
    var found: [SearchCursor] = []
    if criteria.order != .active || criteria.after == nil || criteria.after?.number != nil {
      found = try await look(criteria, for: searcher, .sorted(by: criteria.order), atMost: limit)
    }
    if criteria.order == .active, found.count < limit {
      // Then come those of whose activity nothing is told.
      found += try await look(criteria, for: searcher, .withoutActivity, atMost: limit - found.count)
    }
    let page = found.prefix(criteria.limit)
    return Page(members: page.map(\.member), next: found.count > page.count ? page.last : nil)
  }

  /// Each search is planned with its own terms, since the best way depends on how common they are; and as if a page cost
  /// hardly more than a row, since listings are meant to lie in memory.
  private static let planning: SQL = """
    select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('random_page_cost', '0.02', true),
      set_config('seq_page_cost', '0.02', true)
    """

  /// The members of one order, each as the cursor behind them.
  private func look(
    _ criteria: SearchCriteria, for searcher: Searcher, _ ordering: Ordering, atMost limit: Int
  ) async throws -> [SearchCursor] {
    func half(_ eyes: Eyes, _ whom: SQL) -> SQL {
      """
      (select l.member_id, \(ordering.key) as key, \(ordering.name) as name
      from listings l \(ordering.join(eyes))
      where \(whom) and \(Self.conditions(criteria, eyes)) and \(ordering.isBehind(criteria.after, eyes))
      order by \(ordering.order) limit \(limit))
      """
    }
    let others = [searcher.member] + searcher.parted + searcher.confidants
    var statement = half(.everybody, "l.listed_to = 'everyone' and l.member_id <> all(\(others))")
    let confidants = Array(Set(searcher.confidants).subtracting(searcher.parted))
    if !confidants.isEmpty {
      statement =
        "\(statement) union all \(half(.contact, "l.member_id = any(\(confidants))")) order by \(ordering.merged) limit \(limit)"
    }
    return try await database.query(statement).map { row in
      let (member, key, name) = try row.decode(MemberID.self, Int64?.self, String?.self)
      return SearchCursor(criteria.order, number: key, name: name, member)
    }
  }

  /// By whose rights a member is looked at.
  private enum Eyes {
    case everybody, contact

    /// The terms that may be known.
    var terms: SQL { self == .everybody ? "l.terms" : "(l.terms || l.contact_terms)" }
    /// Whether the activity in `presences p` may be known.
    var mayKnowActivity: SQL {
      self == .everybody ? "p.visible_to = 'everyone'" : "p.visible_to in ('everyone', 'contacts')"
    }
  }

  private static func conditions(_ criteria: SearchCriteria, _ eyes: Eyes) -> SQL {
    var conditions: [SQL] = []
    if !criteria.terms.isEmpty { conditions.append("\(eyes.terms) @> \(criteria.terms)") }
    if let text = criteria.text { conditions.append("l.document @@ \(query(text))") }
    if let rating = criteria.leastRating { conditions.append("l.rating >= \(rating)") }
    if let statuses = criteria.statuses { conditions.append(hasStatus(statuses, eyes)) }
    func wasActive(since time: Timestamp) -> SQL {
      """
      exists (select from presences p
        where p.member_id = l.member_id and \(eyes.mayKnowActivity) and p.active_at >= \(time))
      """
    }
    if let time = criteria.activeSince { conditions.append(wasActive(since: time)) }
    if let time = criteria.seenSince {
      conditions.append("(\(hasStatus([.online, .away, .busy], eyes)) or \(wasActive(since: time)))")
    }
    return conditions.reduce("true") { "\($0) and \($1)" }
  }

  /// Names may be words that searches otherwise leave out, as "Will": a text of nothing else is taken as it is.
  private static func query(_ text: String) -> SQL {
    """
    case when numnode(websearch_to_tsquery('english', \(text))) > 0 then websearch_to_tsquery('english', \(text))
      else websearch_to_tsquery('simple', \(text)) end
    """
  }

  /// Whoever tells no status counts as offline.
  private static func hasStatus(_ statuses: Set<OnlineStatus>, _ eyes: Eyes) -> SQL {
    let present = statuses.subtracting([.offline]).sorted { $0.rawValue < $1.rawValue }
    let isPresent: SQL =
      present.count == 1
      ? "\(eyes.terms) @> \([SearchTerm.status(present[0])])" : "\(eyes.terms) && \(present.map(SearchTerm.status))"
    guard statuses.contains(.offline) else { return isPresent }
    let all = OnlineStatus.allCases.filter { $0 != .offline }.map(SearchTerm.status)
    return present.isEmpty ? "not \(eyes.terms) && \(all)" : "(\(isPresent) or not \(eyes.terms) && \(all))"
  }

  /// What a page is sorted by; members of the same key by their ids.
  private enum Ordering {
    case standing, rating, newest, name, byActivity, withoutActivity

    static func sorted(by order: SearchMembers.Order) -> Ordering {
      switch order {
      case .best: .standing
      case .rating: .rating
      case .newest: .newest
      case .name: .name
      case .active: .byActivity
      }
    }

    /// The number, or the microseconds of a time.
    var key: SQL {
      switch self {
      case .standing: "l.standing::bigint"
      case .rating: "l.rating::bigint"
      case .byActivity: "(extract(epoch from p.active_at) * 1000000)::bigint"
      case .newest, .name, .withoutActivity: "null::bigint"
      }
    }

    var name: SQL { self == .name ? "l.sort_name" : "null::text" }

    func join(_ eyes: Eyes) -> SQL {
      switch self {
      case .byActivity: "join presences p on p.member_id = l.member_id and \(eyes.mayKnowActivity)"
      default: ""
      }
    }

    var order: SQL {
      switch self {
      case .standing: "l.standing desc, l.member_id desc"
      case .rating: "l.rating desc, l.member_id desc"
      case .newest, .withoutActivity: "l.member_id desc"
      case .name: "l.sort_name, l.member_id"
      case .byActivity: "p.active_at desc, p.member_id desc"
      }
    }

    /// The same for rows of both halves.
    var merged: SQL {
      switch self {
      case .standing, .rating, .byActivity: "key desc, member_id desc"
      case .newest, .withoutActivity: "member_id desc"
      case .name: "name, member_id"
      }
    }

    func isBehind(_ cursor: SearchCursor?, _ eyes: Eyes) -> SQL {
      switch self {
      case .standing:
        guard let cursor, let number = cursor.number else { return "true" }
        return "(l.standing, l.member_id) < (\(Int16(clamping: number)), \(cursor.member))"
      case .rating:
        guard let cursor, let number = cursor.number else { return "true" }
        return "(l.rating, l.member_id) < (\(Int16(clamping: number)), \(cursor.member))"
      case .newest:
        guard let cursor else { return "true" }
        return "l.member_id < \(cursor.member)"
      case .name:
        guard let cursor, let name = cursor.name else { return "true" }
        return "(l.sort_name, l.member_id) > (\(name) collate \"C\", \(cursor.member))"
      case .byActivity:
        guard let cursor, let number = cursor.number else { return "p.active_at is not null" }
        return "(p.active_at, p.member_id) < (\(Timestamp(microseconds: number)), \(cursor.member))"
      case .withoutActivity:
        let isUntold: SQL =
          """
          not exists (select from presences p
            where p.member_id = l.member_id and \(eyes.mayKnowActivity) and p.active_at is not null)
          """
        guard let cursor, cursor.number == nil else { return isUntold }
        return "l.member_id < \(cursor.member) and \(isUntold)"
      }
    }
  }
}
