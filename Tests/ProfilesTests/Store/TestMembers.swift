import Contract
import EventLoop
import Mesh
import Postgres
import ProfilesAPI
import TestKit
import Testing

@testable import Profiles

/// A schema of its own with members in it, kept by the stores as the service keeps them.
@Loop final class TestMembers {
  let database: Database
  let stores: Stores
  let now = Timestamp("2026-03-01T12:00:00Z")!
  private(set) var names: [MemberID: String] = [:]
  private var skillsTaught = 0

  init() async throws {
    database = Database(.init(url: try await PostgresServer.shared().freshURL(), applicationName: "tests"))
    try await database.migrate(Migrations.all)
    stores = Stores(database)
  }

  /// Adds somebody; each is newer than those before.
  func add(_ name: String, _ change: ChangeProfile = ChangeProfile()) async throws -> MemberID {
    let id = MemberID(at: now + .seconds(names.count))
    names[id] = name
    var profile = MemberProfile(
      of: id, firstName: try ProfileName(name), lastName: try ProfileName("Test"), email: nil, now: now)
    try await stores.profiles.add(profile)
    _ = try profile.apply(change)
    try await stores.profiles.save(profile)
    try await stores.list(id)
    return id
  }

  /// Has a member offer a skill.
  func teach(_ member: MemberID, _ slug: String, _ proficiency: Int = 60, _ description: String? = nil) async throws {
    let entry = try #require(
      try await stores.taxonomy.skills(with: nil, of: nil, after: nil, atMost: 1000).first { $0.slug == slug })
    let skill = try #require(try await stores.taxonomy.skill(entry.id))
    var skills = try await stores.skills.all(of: member)
    let request = AddSkill(
      skillId: skill.id, kind: .teaching, proficiency: try Proficiency(proficiency),
      description: try description.map { try SkillDescription($0) })
    skillsTaught += 1
    let outcome = try skills.add(request, skill, id: MemberSkillID(at: now + .seconds(skillsTaught)))
    try await stores.skills.add(outcome.fact.skill, to: member)
    try await stores.list(member)
  }

  /// Notes what presence says about a member, last active so many minutes ago.
  func show(
    _ member: MemberID, _ status: OnlineStatus, to audience: Audience, active minutes: Int? = 0, version: Int64 = 1
  ) async throws {
    let presence = KnownPresence(
      status: status, visibleTo: audience, activeAt: minutes.map { now - .seconds(60 * $0) }, version: version,
      now: now)
    _ = try await stores.presences.take(presence, of: member)
    try await stores.list(member)
  }

  /// Puts two members into a conversation.
  func connect(_ one: MemberID, _ other: MemberID) async throws {
    try await stores.connections.join(UniqueID(at: .now), [one, other])
  }

  /// The names that a search finds, page by page, in their order.
  func find(
    _ request: SearchMembers = SearchMembers(), for viewer: MemberID, skill: String? = nil, category: String? = nil,
    page: Int = 100, _ effort: ListingEffort? = nil
  ) async throws -> [String] {
    var names: [String] = []
    var cursor: String?
    repeat {
      let request = SearchMembers(
        q: request.q, minTier: request.minTier, location: request.location, minRating: request.minRating,
        language: request.language, verified: request.verified, onlineStatus: request.onlineStatus,
        activeWithin: request.activeWithin, lastSeenWithin: request.lastSeenWithin, role: request.role,
        sort: request.sort, limit: try PageSize(page), cursor: cursor)
      let criteria = try SearchCriteria(request, skill: skill, category: category, now: now)
      let found = try await Stores.search(database, within: .seconds(10)) { stores in
        let searcher = ListingStore.Searcher(
          member: viewer, parted: try await stores.connections.parted(from: viewer),
          confidants: try await stores.connections.confidants(of: viewer))
        return try await stores.listings.find(criteria, for: searcher, effort)
      }
      names += found.members.map { self.names[$0] ?? "?" }
      cursor = found.next?.text
    } while cursor != nil
    return names
  }
}
