import Contract
import ProfilesAPI

/// All skills that a member offers and wants, in the order in which they were added.
struct SkillSet: Equatable {
  /// How many a member can have.
  static let limit = 50

  /// What a change comes to: the entry, what to tell others of it, and whether the member became or ceased to be a provider.
  struct Outcome<Fact: Event & Equatable>: Equatable {
    let fact: Fact
    /// True for who is a provider now, false for who is none any more; nil when nothing changed in that.
    let isProviderNow: Bool?
  }

  let member: MemberID
  private(set) var all: [MemberSkill]

  /// The skills as they were stored.
  init(of member: MemberID, _ all: [MemberSkill]) { (self.member, self.all) = (member, all) }

  var isEmpty: Bool { all.isEmpty }
  /// What the member offers.
  var taught: [MemberSkill] { all.filter { $0.kind == .teaching } }
  /// Whether the member offers anything.
  var isProvider: Bool { all.contains { $0.kind == .teaching } }

  /// Adds a skill of the taxonomy.
  mutating func add(
    _ request: AddSkill, _ skill: TaxonomySkill, id: MemberSkillID
  ) throws(SkillRefusal) -> Outcome<SkillAdded> {
    guard !has(skill.id, request.kind) else { throw .duplicate }
    guard all.count < Self.limit else { throw .tooMany }
    let wasProvider = isProvider
    let entry = MemberSkill(
      id: id, skillId: skill.id, name: skill.name, category: skill.category, kind: request.kind,
      proficiency: request.proficiency, description: request.description, verified: false)
    all.append(entry)
    return outcome(SkillAdded(member: member, skill: entry), wasProvider)
  }

  /// Changes an entry; nil when nothing is different then. A skill that was confirmed stays so while it is still offered
  /// at no higher tier.
  mutating func change(_ request: ChangeSkill) throws(SkillRefusal) -> Outcome<SkillChanged>? {
    guard let index = all.firstIndex(where: { $0.id == request.id }) else { throw .notFound }
    let (old, wasProvider) = (all[index], isProvider)
    let kind = request.kind ?? old.kind
    guard kind == old.kind || !has(old.skillId, kind) else { throw .duplicate }
    let proficiency = request.proficiency ?? old.proficiency
    let entry = MemberSkill(
      id: old.id, skillId: old.skillId, name: old.name, category: old.category, kind: kind, proficiency: proficiency,
      description: request.description.applied(to: old.description),
      verified: old.verified && kind == .teaching && SkillTier(proficiency) <= old.tier)
    guard entry != old else { return nil }
    all[index] = entry
    return outcome(SkillChanged(member: member, skill: entry), wasProvider)
  }

  /// Removes an entry.
  mutating func remove(_ id: MemberSkillID) throws(SkillRefusal) -> Outcome<SkillRemoved> {
    guard let index = all.firstIndex(where: { $0.id == id }) else { throw .notFound }
    let wasProvider = isProvider
    let old = all.remove(at: index)
    return outcome(SkillRemoved(member: member, id: id, skillId: old.skillId, kind: old.kind), wasProvider)
  }

  private func has(_ skill: SkillID, _ kind: SkillKind) -> Bool {
    all.contains { $0.skillId == skill && $0.kind == kind }
  }

  private func outcome<Fact: Event & Equatable>(_ fact: Fact, _ wasProvider: Bool) -> Outcome<Fact> {
    Outcome(fact: fact, isProviderNow: isProvider == wasProvider ? nil : isProvider)
  }
}

/// A skill of the taxonomy as members take it up.
struct TaxonomySkill: Equatable {
  let id: SkillID
  let slug: String
  let name: String
  /// The category's slug.
  let category: String
}
