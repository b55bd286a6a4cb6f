import Contract
import Postgres
import ProfilesAPI

/// By whose rights a member is looked at in `listings l`.
enum ListingEyes {
  case everybody, contact

  /// The terms that may be known.
  private var terms: SQL { self == .everybody ? "l.terms" : "(l.terms || l.contact_terms)" }

  /// Whether what stands in `presences p` may be known.
  var mayKnowActivity: SQL {
    self == .everybody ? "p.visible_to = 'everyone'" : "p.visible_to in ('everyone', 'contacts')"
  }

  /// What must hold for whoever is found.
  func conditions(_ criteria: SearchCriteria) -> SQL {
    var conditions: [SQL] = []
    if !criteria.terms.isEmpty { conditions.append("\(terms) @> \(criteria.terms)") }
    if let text = criteria.text { conditions.append("l.document @@ \(Self.query(text))") }
    if let rating = criteria.leastRating { conditions.append("l.rating >= \(rating)") }
    if let statuses = criteria.statuses { conditions.append(hasStatus(statuses)) }
    if let time = criteria.activeSince { conditions.append(presence("p.active_at >= \(time)")) }
    if let time = criteria.seenSince {
      conditions.append(presence("(p.active_at >= \(time) or p.status <> 'offline')"))
    }
    return conditions.reduce("true") { "\($0) and \($1)" }
  }

  /// What must hold for the member's presence, as far as it may be known.
  func presence(_ condition: SQL) -> SQL {
    """
    exists (select from presences p where p.member_id = l.member_id and \(mayKnowActivity) and \(condition))
    """
  }

  /// Names may be words that searches otherwise leave out, as "Will": a text of nothing else is taken as it is.
  private static func query(_ text: String) -> SQL {
    """
    case when numnode(websearch_to_tsquery('english', \(text))) > 0 then websearch_to_tsquery('english', \(text))
      else websearch_to_tsquery('simple', \(text)) end
    """
  }

  /// Whoever tells no status counts as offline.
  private func hasStatus(_ statuses: Set<OnlineStatus>) -> SQL {
    let present = statuses.subtracting([.offline]).sorted { $0.rawValue < $1.rawValue }
    let isPresent: SQL =
      present.count == 1
      ? "\(terms) @> \([SearchTerm.status(present[0])])" : "\(terms) && \(present.map(SearchTerm.status))"
    guard statuses.contains(.offline) else { return isPresent }
    let all = OnlineStatus.allCases.filter { $0 != .offline }.map(SearchTerm.status)
    return present.isEmpty ? "not \(terms) && \(all)" : "(\(isPresent) or not \(terms) && \(all))"
  }
}
