import Contract
import EventLoop
import Mesh
import ProfilesAPI

/// What members offer and want, and what there is to offer and to want.
extension ProfilesService {
  func skillCategories(
    _ request: SkillCategories, _ context: Context, _ stores: Stores
  ) async throws -> SkillCategories.Reply {
    SkillCategories.Reply(items: try await stores.taxonomy.categories(), version: try await stores.taxonomy.version())
  }

  func skills(_ request: Skills, _ context: Context, _ stores: Stores) async throws -> Skills.Reply {
    let taxonomy = stores.taxonomy
    if let category = request.category, try await taxonomy.slug(ofCategory: category) == nil {
      throw Problem(InvalidField(pointer: "?category", value: Self.unknownCategory))
    }
    let limit = request.limit?.number ?? PageSize.range.upperBound
    let found = try await taxonomy.skills(
      with: request.q?.text, of: request.category, after: request.cursor, atMost: limit + 1)
    return Skills.Reply(
      items: Array(found.prefix(limit)), nextCursor: found.count > limit ? found[limit - 1].slug : nil,
      version: try await taxonomy.version())
  }

  func ownSkills(_ request: OwnSkills, _ context: Context, _ stores: Stores) async throws -> OwnSkills.Reply {
    OwnSkills.Reply(items: try await stores.skills.all(of: context.member).all)
  }

  func addSkill(_ request: AddSkill, _: Void, _ context: Context, _ tx: Tx) async throws -> MemberSkill {
    guard let skill = try await Stores(tx).taxonomy.skill(request.skillId) else {
      throw Problem(InvalidField(pointer: "/skillId", value: Self.unknownSkill))
    }
    let profile = try await load(context, tx)
    var skills = try await Stores(tx).skills.all(of: profile.id)
    let outcome = try skills.add(request, skill, id: MemberSkillID(at: tx.now))
    try await Stores(tx).skills.add(outcome.fact.skill, to: profile.id)
    try await finish(outcome, profile, skills, tx)
    return outcome.fact.skill
  }

  func changeSkill(_ request: ChangeSkill, _ context: Context, _ tx: Tx) async throws -> MemberSkill {
    let profile = try await load(context, tx)
    var skills = try await Stores(tx).skills.all(of: profile.id)
    if let outcome = try skills.change(request) {
      try await Stores(tx).skills.save(outcome.fact.skill)
      try await finish(outcome, profile, skills, tx)
    }
    guard let skill = skills.all.first(where: { $0.id == request.id }) else { throw SkillRefusal.notFound }
    return skill
  }

  func removeSkill(_ request: RemoveSkill, _ context: Context, _ tx: Tx) async throws -> Nothing {
    let profile = try await load(context, tx)
    var skills = try await Stores(tx).skills.all(of: profile.id)
    let outcome = try skills.remove(request.id)
    try await Stores(tx).skills.remove(request.id)
    try await finish(outcome, profile, skills, tx)
    return Nothing()
  }

  /// Tells others of a change, and stores what follows from it.
  private func finish<Fact>(
    _ outcome: SkillSet.Outcome<Fact>, _ profile: MemberProfile, _ skills: SkillSet, _ tx: Tx
  ) async throws {
    var profile = profile
    profile.noteSkills()
    try await save(profile, skills, tx)
    try tx.emit(outcome.fact)
    switch outcome.isProviderNow {
    case true?: try tx.emit(BecameProvider(member: profile.id))
    case false?: try tx.emit(CeasedToBeProvider(member: profile.id))
    case nil: break
    }
  }

  static let unknownSkill = InvalidValue("unknown_skill", "must be a skill of the taxonomy, see /api/v1/skills")
  static let unknownCategory = InvalidValue(
    "unknown_category", "must be a category of the taxonomy, see /api/v1/skills/categories")
}
