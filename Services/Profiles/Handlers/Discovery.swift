import Contract
import EventLoop
import Mesh
import ProfilesAPI

/// How members find and see one another.
extension ProfilesService {
  func profileOf(_ request: ProfileOf, _ context: Context, _ stores: Stores) async throws -> PublicProfile {
    let (viewer, member) = (try context.member, request.userId)
    guard let profile = try await stores.profiles.find(member), !profile.isShutOut,
      try await !stores.connections.areParted(viewer, member)
    else { throw ProfileOf.Refusal.notFound }
    let contacts = try await stores.connections.contacts(of: viewer, among: [member])
    let relation: Relation = viewer == member ? .oneself : contacts.isEmpty ? .stranger : .contact
    return profile.shown(
      to: relation, try await stores.skills.all(of: member), try await stores.responses.find(member),
      try await stores.presences.find(member), now: context.now)
  }

  func searchMembers(_ request: SearchMembers, _ context: Context) async throws -> SearchMembers.Reply {
    let criteria = try await criteria(request, context, Stores(mesh.database).taxonomy)
    return try await Stores.search(mesh.database, within: .seconds(5)) { stores in
      let viewer = try context.member
      let searcher = ListingStore.Searcher(
        member: viewer, parted: try await stores.connections.parted(from: viewer),
        confidants: try await stores.connections.confidants(of: viewer))
      let page = try await stores.listings.find(criteria, for: searcher)
      return SearchMembers.Reply(
        items: try await cards(of: page.members, for: viewer, now: context.now, stores), nextCursor: page.next?.text)
    }
  }

  /// What `viewer` is shown of members who were found, in their order.
  private func cards(
    of members: [MemberID], for viewer: MemberID, now: Timestamp, _ stores: Stores
  ) async throws -> [SearchMembers.Card] {
    let contacts = try await stores.connections.contacts(of: viewer, among: members)
    let profiles = try await stores.profiles.find(members)
    let skills = try await stores.skills.taught(by: members)
    let presences = try await stores.presences.find(members)
    return members.compactMap { member in
      profiles[member]?.card(
        for: contacts.contains(member) ? .contact : .stranger, taught: skills[member] ?? [], presences[member],
        now: now)
    }
  }

  /// What a request asks for, with the skill and the category that it names.
  private func criteria(
    _ request: SearchMembers, _ context: Context, _ taxonomy: TaxonomyStore
  ) async throws -> SearchCriteria {
    var (skill, category): (String?, String?) = (nil, nil)
    if let reference = request.skill {
      skill = try await taxonomy.slug(ofSkill: reference)
      if skill == nil { throw Problem(InvalidField(pointer: "?skill", value: Self.unknownSkill)) }
    }
    if let reference = request.category {
      category = try await taxonomy.slug(ofCategory: reference)
      if category == nil { throw Problem(InvalidField(pointer: "?category", value: Self.unknownCategory)) }
    }
    do {
      return try SearchCriteria(request, skill: skill, category: category, now: context.now)
    } catch {
      throw Problem(error)
    }
  }
}
