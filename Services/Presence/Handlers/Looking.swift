import Contract
import EventLoop
import Mesh
import PresenceAPI

/// What members may see of one another.
extension PresenceService {
  func presence(of member: MemberID, _ context: Context) async throws -> PresenceView {
    let views = try await views(of: [member], for: context.member, at: context.now)
    guard let view = views.first else { throw PresenceRefusal.notFound }
    return view
  }

  func presenceQuery(_ request: PresenceQuery, _ context: Context) async throws -> PresenceQuery.Reply {
    PresenceQuery.Reply(
      items: try await views(of: request.userIds.members, for: context.member, at: context.now))
  }

  func whoIsOnline(_ request: WhoIsOnline, _ context: Context) async throws -> WhoIsOnline.Reply {
    let (viewer, limit) = (try context.member, (request.limit ?? .usual).number)
    let page = try await CircleStore(mesh.database).there(
      for: viewer, providersOnly: request.role == .provider, below: request.cursor, limit: limit,
      toldAfter: context.now - rule.times.validity)
    // Some may have gone since others were told.
    let views = try await views(of: page, for: viewer, at: context.now).filter { $0.status != .offline }
    return WhoIsOnline.Reply(items: views, nextCursor: page.count == limit ? page.last?.description : nil)
  }

  func presenceCounts(_ request: PresenceCounts, _ context: Context) async throws -> PresenceCounts.Reply {
    let counts = try await CircleStore(mesh.database).counts(
      for: context.member, providersOnly: request.role == .provider, toldAfter: context.now - rule.times.validity)
    return PresenceCounts.Reply(
      online: counts[.online] ?? 0, away: counts[.away] ?? 0, busy: counts[.busy] ?? 0)
  }

  /// What `viewer` may see of each, in this order; those who do not exist are left out.
  private func views(
    of members: [MemberID], for viewer: MemberID, at now: Timestamp
  ) async throws -> [PresenceView] {
    try await sightings(of: members, by: viewer, at: now).map { settings, relation, sighting in
      PresenceView(of: settings, sighting, for: relation, at: now)
    }
  }

  /// How it is with each, in this order, and what `viewer` is to them; those who do not exist are left out. While Redis
  /// cannot be asked, what they have set alone counts.
  func sightings(
    of members: [MemberID], by viewer: MemberID, at now: Timestamp
  ) async throws -> [(settings: MemberSettings, viewer: Viewer, sighting: Sighting)] {
    var found = try await CircleStore(mesh.database).look(at: members, by: viewer)
    // Whoever asks exists, even if identity's word has not come yet.
    if found[viewer] == nil { found[viewer] = (MemberSettings(viewer), Viewer(isSelf: true), nil) }
    let records = await live.activity(of: Set(members).filter { found[$0] != nil }) ?? [:]
    return members.compactMap { member in
      found[member].map { settings, relation, told in
        let activity = records[member]?.activity ?? MemberActivity()
        return (settings, relation, rule.sighting(of: activity, settings, earlier: told?.lastActive, at: now))
      }
    }
  }
}
