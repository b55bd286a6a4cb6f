import Contract
import Postgres
import ProfilesAPI

/// What a page is sorted by, in `listings l` and `presences p`; members of the same key by their ids.
enum ListingOrdering {
  case standing, rating, newest, name, byActivity, withoutActivity

  /// The orders that follow one another behind the cursor: behind those who are sorted by their activity come those of
  /// whose activity nothing is told.
  static func all(for criteria: SearchCriteria) -> [ListingOrdering] {
    switch criteria.order {
    case .best: [.standing]
    case .rating: [.rating]
    case .newest: [.newest]
    case .name: [.name]
    case .active:
      if let cursor = criteria.after, cursor.number == nil {
        [.withoutActivity]
      } else {
        [.byActivity, .withoutActivity]
      }
    }
  }

  /// How much a search along this order may do before it tries another way.
  var effort: ListingEffort {
    // Here each member who is looked at is looked up in another table.
    self == .byActivity
      ? ListingEffort(walked: 4000, fewest: 4000, gathered: 5000)
      : ListingEffort(walked: 20_000, fewest: 1000, gathered: 5000)
  }

  // MARK: As SQL

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

  var order: SQL {
    switch self {
    case .standing: "l.standing desc, l.member_id desc"
    case .rating: "l.rating desc, l.member_id desc"
    case .newest, .withoutActivity: "l.member_id desc"
    case .name: "l.sort_name, l.member_id"
    case .byActivity: "p.active_at desc, p.member_id desc"
    }
  }

  /// The same for what was selected.
  var merged: SQL {
    switch self {
    case .standing, .rating, .byActivity: "key desc, member_id desc"
    case .newest, .withoutActivity: "member_id desc"
    case .name: "name, member_id"
    }
  }

  /// Everybody of this order who fits, with what they are sorted by; more conditions may follow.
  func selection(_ eyes: ListingEyes, _ criteria: SearchCriteria) -> SQL {
    let join: SQL =
      self == .byActivity ? "join presences p on p.member_id = l.member_id and \(eyes.mayKnowActivity)" : ""
    return """
      select l.member_id, \(key) as key, \(name) as name from listings l \(join)
      where \(eyes.conditions(criteria)) and \(belongs(eyes)) and \(place(behind: criteria.after))
      """
  }

  /// Whether a member is of this order at all.
  func belongs(_ eyes: ListingEyes) -> SQL {
    self == .withoutActivity ? "not \(eyes.presence("p.active_at is not null"))" : "true"
  }

  /// Whether a member comes behind the cursor.
  func place(behind cursor: SearchCursor?) -> SQL {
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
      guard let cursor, cursor.number == nil else { return "true" }
      return "l.member_id < \(cursor.member)"
    }
  }

  // MARK: As values

  /// The cursor behind a member who was selected.
  func cursor(_ order: SearchMembers.Order, _ row: Row) throws -> SearchCursor {
    SearchCursor(
      order, number: try row.decode(column: 1), name: try row.decode(column: 2), try row.decode(column: 0))
  }

  /// Whether one member comes before another, as PostgreSQL has it.
  func isInOrder(_ one: SearchCursor, _ other: SearchCursor) -> Bool {
    switch self {
    case .standing, .rating, .byActivity: (one.number ?? 0, one.member) > (other.number ?? 0, other.member)
    case .newest, .withoutActivity: one.member > other.member
    case .name:
      // Byte by byte, as the collation "C" does.
      if let name = one.name, let second = other.name, !name.utf8.elementsEqual(second.utf8) {
        name.utf8.lexicographicallyPrecedes(second.utf8)
      } else {
        one.member < other.member
      }
    }
  }
}

/// How much a search may do in one way: some ten milliseconds' worth.
struct ListingEffort: Sendable {
  /// How many members are looked at along the order.
  let walked: Int
  /// With fewer who fit than this it is better to gather them all than to walk.
  let fewest: Int
  /// How many are gathered of those who were thought to be so few.
  let gathered: Int
}
