import Contract
import EventLoop
import Postgres
import ProfilesAPI

/// All that profiles keeps, in one place: in the database, or within a transaction.
@Loop struct Stores {
  let profiles: ProfileStore
  let skills: MemberSkillStore
  let taxonomy: TaxonomyStore
  let listings: ListingStore
  let connections: ConnectionStore
  let presences: PresenceStore
  let responses: ResponseStore
  let population: PopulationStore

  init(_ database: any Querying) {
    (profiles, skills, taxonomy) = (ProfileStore(database), MemberSkillStore(database), TaxonomyStore(database))
    (listings, connections) = (ListingStore(database), ConnectionStore(database))
    (presences, responses) = (PresenceStore(database), ResponseStore(database))
    population = PopulationStore(database)
  }

  /// Writes anew what a member can be found by, whose profile was loaded.
  func list(_ profile: MemberProfile, _ skills: SkillSet) async throws {
    let slugs = try await taxonomy.slugs(of: skills.taught.map(\.skillId))
    let presence = try await presences.find(profile.id)
    if let listing = Listing(profile, skills, slugs: slugs, presence) {
      try await listings.save(listing)
    } else {
      try await listings.remove(profile.id)
    }
  }

  /// The same, after something has changed that others tell of; nothing for a member who is not known yet.
  func list(_ member: MemberID) async throws {
    guard let profile = try await profiles.load(member) else { return }
    try await list(profile, try await skills.all(of: member))
  }

  /// Reads on a connection of its own: what may take longer than the small questions that share one. All of it is seen as it
  /// was at one moment, so nobody is missed who passes from one order to another meanwhile.
  static func search<Value>(
    _ database: Database, within limit: Duration, _ body: @Loop (Stores) async throws -> Value
  ) async throws -> Value {
    try await database.transaction(isolation: .repeatableRead, timeout: limit) { try await body(Stores($0)) }
  }
}
