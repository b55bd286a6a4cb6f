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
  func find(
    _ criteria: SearchCriteria, for searcher: Searcher, _ effort: ListingEffort? = nil
  ) async throws -> Page {
    let search = ListingSearch(database, criteria, for: searcher, effort)
    // One more than is wanted tells whether there is a next page.
    let found = try await search.first(criteria.limit + 1)
    let page = found.prefix(criteria.limit)
    return Page(members: page.map(\.member), next: found.count > page.count ? page.last : nil)
  }
}
