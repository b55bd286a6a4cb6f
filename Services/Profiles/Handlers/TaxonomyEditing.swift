import Contract
import EventLoop
import Mesh
import ProfilesAPI

/// Members who offer a skill that was renamed or moved are to be found by what it is now.
struct RelistingDue: DurableTimer {
  static let name = "relisting-due"
  let skill: SkillID
  /// Those up to this one are done.
  let after: MemberID?
}

/// What staff do with the taxonomy.
extension ProfilesService {
  func addTaxonomySkill(_ request: AddTaxonomySkill, _ context: Context, _ tx: Tx) async throws -> Skills.Entry {
    let taxonomy = Stores(tx).taxonomy
    let category = try await category(request.category, tx)
    guard let entry = try await taxonomy.addSkill(request.name, to: category, id: SkillID(at: tx.now)) else {
      throw TaxonomyRefusal.nameTaken
    }
    try tx.emit(TaxonomyChanged(version: try await taxonomy.raiseVersion()))
    return entry
  }

  func changeTaxonomySkill(
    _ request: ChangeTaxonomySkill, _ context: Context, _ tx: Tx
  ) async throws -> Skills.Entry {
    let taxonomy = Stores(tx).taxonomy
    var category: String?
    if let reference = request.category { category = try await self.category(reference, tx) }
    guard
      let entry = try await taxonomy.changeSkill(
        request.id, name: request.name, category: category, isRetired: request.isRetired)
    else { throw TaxonomyRefusal.notFound }
    try tx.emit(TaxonomyChanged(version: try await taxonomy.raiseVersion()))
    try tx.schedule(RelistingDue(skill: request.id, after: nil), at: tx.now, key: request.id.description)
    return entry
  }

  func addCategory(_ request: AddCategory, _ context: Context, _ tx: Tx) async throws -> SkillCategories.Category {
    let taxonomy = Stores(tx).taxonomy
    guard let category = try await taxonomy.addCategory(request.name, id: CategoryID(at: tx.now)) else {
      throw TaxonomyRefusal.nameTaken
    }
    try tx.emit(TaxonomyChanged(version: try await taxonomy.raiseVersion()))
    return category
  }

  /// A hundred members at a time, so that no transaction is long.
  func relistingDue(_ timer: RelistingDue, _ tx: Tx) async throws {
    let members = try await Stores(tx).skills.members(offering: timer.skill, after: timer.after, atMost: 100)
    for member in members { try await Stores(tx).list(member) }
    guard members.count == 100 else { return }
    try tx.schedule(RelistingDue(skill: timer.skill, after: members.last), at: tx.now, key: timer.skill.description)
  }

  private func category(_ reference: TaxonomyReference, _ tx: Tx) async throws -> String {
    guard let slug = try await Stores(tx).taxonomy.slug(ofCategory: reference) else {
      throw Problem(InvalidField(pointer: "/category", value: Self.unknownCategory))
    }
    return slug
  }
}
