import Contract
import EventLoop
import Foundation
import Postgres
import ProfilesAPI

/// One search through `listings` and `presences`, within a transaction.
///
/// There are two ways to the first members of an order. One *walks* along the order and takes whoever fits: it ends soon
/// where many fit. The other one *gathers* all who fit, by the index of what they can be found by, and sorts them: that is
/// soon done where few fit. PostgreSQL estimates how many there are as if one condition told nothing about another; but
/// whoever teaches guitar mostly says so in words too, and nobody has two last names. Where that errs by a factor of a
/// hundred the wrong way looks at a million members. So a way that has looked at too many gives up, and the other one is
/// taken.
@Loop struct ListingSearch {
  private let database: any Querying
  private let criteria: SearchCriteria
  private let searcher: ListingStore.Searcher
  /// What it may do in one way, if not what is best for the order.
  private let effort: ListingEffort?

  init(
    _ database: any Querying, _ criteria: SearchCriteria, for searcher: ListingStore.Searcher, _ effort: ListingEffort?
  ) {
    (self.database, self.criteria, self.searcher, self.effort) = (database, criteria, searcher, effort)
  }

  /// Each search is planned with its own terms, since the best way depends on how common they are; and as if a page cost
  /// hardly more than a row, since listings are meant to lie in memory.
  private static let planning: SQL = """
    select set_config('plan_cache_mode', 'force_custom_plan', true), set_config('random_page_cost', '0.02', true),
      set_config('seq_page_cost', '0.02', true)
    """

  /// The first members behind the cursor, each as the cursor behind them.
  func first(_ limit: Int) async throws -> [SearchCursor] {
    try await database.query(Self.planning)
    let estimate = try await estimate()
    var found: [SearchCursor] = []
    for ordering in ListingOrdering.all(for: criteria) where found.count < limit {
      let missing = limit - found.count
      let halves =
        try await everybody(ordering, estimate, atMost: missing) + confidants(ordering, atMost: missing)
      found += halves.sorted { ordering.isInOrder($0, $1) }.prefix(missing)
    }
    return found
  }

  /// How many fit, as PostgreSQL thinks.
  private func estimate() async throws -> Int {
    struct Explanation: Decodable {
      struct Plan: Decodable {
        let rows: Int
        enum CodingKeys: String, CodingKey { case rows = "Plan Rows" }
      }
      let plan: Plan
      enum CodingKeys: String, CodingKey { case plan = "Plan" }
    }
    let document: JSONDocument = try await database.query(
      "explain (format json) select from listings l where \(ListingEyes.everybody.conditions(criteria))")[0]
      .decode(column: 0)
    return try JSONDecoder().decode([Explanation].self, from: Data(document.bytes)).first?.plan.rows ?? 0
  }

  // MARK: Everybody, by what everybody may know

  private var whom: SQL {
    "l.listed_to = 'everyone' and l.member_id <> all(\([searcher.member] + searcher.parted + searcher.confidants))"
  }

  private func everybody(
    _ ordering: ListingOrdering, _ estimate: Int, atMost limit: Int
  ) async throws -> [SearchCursor] {
    let effort = effort ?? ordering.effort
    if estimate < effort.fewest, let found = try await gather(ordering, atMost: limit, of: effort.gathered) {
      return found
    }
    if let found = try await walk(ordering, atMost: limit, of: effort.walked) { return found }
    return try await gather(ordering, atMost: limit, of: nil) ?? []
  }

  /// Nil when those who were looked at are not enough.
  private func walk(_ ordering: ListingOrdering, atMost limit: Int, of bound: Int) async throws -> [SearchCursor]? {
    let conditions: SQL = "\(whom) and \(ListingEyes.everybody.conditions(criteria))"
    let place = ordering.place(behind: criteria.after)
    let source: SQL =
      switch ordering {
      case .byActivity:
        // A member's listing is looked up by the member, however many PostgreSQL expects to fit.
        """
        (select p.member_id, p.active_at from presences p
          where \(ListingEyes.everybody.mayKnowActivity) \(statuses) and \(place)
          order by \(ordering.order) limit \(bound)) p
        cross join lateral (
          select l.member_id from listings l where l.member_id = p.member_id and \(conditions) offset 0) l
        """
      case .standing, .rating, .newest, .name, .withoutActivity:
        """
        (select l.* from listings l where \(place) order by \(ordering.order) limit \(bound)) l
        where \(conditions) and \(ordering.belongs(.everybody))
        """
      }
    let found = try await read(
      "select l.member_id, \(ordering.key), \(ordering.name) from \(source) order by \(ordering.order) limit \(limit)",
      ordering)
    return found.count == limit ? found : nil
  }

  /// Nil when there are `bound` or more.
  private func gather(_ ordering: ListingOrdering, atMost limit: Int, of bound: Int?) async throws -> [SearchCursor]? {
    // Without a limit `offset 0` keeps PostgreSQL from walking.
    var (count, end): (SQL, SQL) = ("0::bigint", "offset 0")
    if let bound { (count, end) = ("count(*) over ()", "limit \(bound)") }
    let rows = try await database.query(
      """
      select member_id, key, name, \(count)
      from (\(ordering.selection(.everybody, criteria)) and \(whom) \(end)) found
      order by \(ordering.merged) limit \(limit)
      """)
    if let bound, let row = rows.first, try row.decode(column: 3, as: Int.self) >= bound { return nil }
    return try rows.map { try ordering.cursor(criteria.order, $0) }
  }

  /// The statuses that are wanted, so that others are not looked at: of those who tell everybody they stand in `presences`
  /// too.
  private var statuses: SQL {
    guard let statuses = criteria.statuses else { return "" }
    // Said in so many words, it is the condition of an index.
    if statuses == [.offline] { return "and p.status = 'offline'" }
    return "and p.status = any(\(statuses.map(\.rawValue)))"
  }

  // MARK: Confidants, by what contacts may know

  private func confidants(_ ordering: ListingOrdering, atMost limit: Int) async throws -> [SearchCursor] {
    let confidants = Array(Set(searcher.confidants).subtracting(searcher.parted))
    guard !confidants.isEmpty else { return [] }
    return try await read(
      """
      \(ordering.selection(.contact, criteria)) and l.member_id = any(\(confidants))
      order by \(ordering.order) limit \(limit)
      """, ordering)
  }

  private func read(_ statement: SQL, _ ordering: ListingOrdering) async throws -> [SearchCursor] {
    try await database.query(statement).map { try ordering.cursor(criteria.order, $0) }
  }
}
