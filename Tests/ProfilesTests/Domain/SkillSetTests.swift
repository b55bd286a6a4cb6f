import Contract
import Mesh
import ProfilesAPI
import Testing

@testable import Profiles

@Suite struct SkillSetTests {
  let now = Timestamp("2026-03-01T12:00:00Z")!
  let guitar = TaxonomySkill(id: SkillID(at: .now), slug: "guitar", name: "Guitar", category: "music")
  let piano = TaxonomySkill(id: SkillID(at: .now), slug: "piano", name: "Piano", category: "music")

  private func request(
    _ skill: TaxonomySkill, _ kind: SkillKind, _ proficiency: Int = 60
  ) throws -> AddSkill {
    AddSkill(skillId: skill.id, kind: kind, proficiency: try Proficiency(proficiency))
  }

  @Test func `whoever offers a first skill becomes a provider, and ceases to be one with the last`() throws {
    var skills = SkillSet(of: MemberID(at: now), [])
    #expect(try skills.add(request(piano, .learning), piano, id: MemberSkillID(at: now)).isProviderNow == nil)
    let first = try skills.add(request(guitar, .teaching), guitar, id: MemberSkillID(at: now))
    #expect(first.isProviderNow == true && first.fact.skill.tier == .advanced)
    let second = try skills.add(request(piano, .teaching), piano, id: MemberSkillID(at: now))
    #expect(second.isProviderNow == nil)
    #expect(try skills.remove(first.fact.skill.id).isProviderNow == nil)
    #expect(try skills.remove(second.fact.skill.id).isProviderNow == false)
    #expect(skills.all.map(\.kind) == [.learning])
  }

  @Test func `a skill is there once for each of offering and wanting`() throws {
    var skills = SkillSet(of: MemberID(at: now), [])
    let offered = try skills.add(request(guitar, .teaching), guitar, id: MemberSkillID(at: now)).fact.skill
    _ = try skills.add(request(guitar, .learning), guitar, id: MemberSkillID(at: now))
    #expect(throws: SkillRefusal.duplicate) {
      try skills.add(request(guitar, .teaching), guitar, id: MemberSkillID(at: now))
    }
    #expect(throws: SkillRefusal.duplicate) { try skills.change(ChangeSkill(id: offered.id, kind: .learning)) }
    #expect(throws: SkillRefusal.notFound) { try skills.change(ChangeSkill(id: MemberSkillID(at: now))) }
    #expect(throws: SkillRefusal.notFound) { try skills.remove(MemberSkillID(at: now)) }
  }

  @Test func `a member has at most 50 skills`() throws {
    var skills = SkillSet(of: MemberID(at: now), [])
    func add() throws {
      let skill = TaxonomySkill(id: SkillID(at: now), slug: "s", name: "S", category: "c")
      _ = try skills.add(request(skill, .teaching), skill, id: MemberSkillID(at: now))
    }
    for _ in 0..<50 { try add() }
    #expect(throws: SkillRefusal.tooMany) { try add() }
  }

  @Test func `a change that changes nothing is none, and a kind may change both ways`() throws {
    var skills = SkillSet(of: MemberID(at: now), [])
    let entry = try skills.add(request(guitar, .teaching), guitar, id: MemberSkillID(at: now)).fact.skill
    #expect(try skills.change(ChangeSkill(id: entry.id, proficiency: entry.proficiency)) == nil)
    let change = try skills.change(
      ChangeSkill(
        id: entry.id, kind: .learning, proficiency: try Proficiency(80),
        description: .set(SkillDescription("For fun."))))
    #expect(change?.isProviderNow == false && change?.fact.skill.tier == .expert)
    #expect(try skills.change(ChangeSkill(id: entry.id, kind: .teaching))?.isProviderNow == true)
  }

  @Test func `what was confirmed does not stay so at a higher tier`() throws {
    let entry = MemberSkill(
      id: MemberSkillID(at: now), skillId: guitar.id, name: "Guitar", category: "music", kind: .teaching,
      proficiency: try Proficiency(60), description: nil, verified: true)
    var skills = SkillSet(of: MemberID(at: now), [entry])
    #expect(try skills.change(ChangeSkill(id: entry.id, proficiency: try Proficiency(74)))?.fact.skill.verified == true)
    #expect(
      try skills.change(ChangeSkill(id: entry.id, proficiency: try Proficiency(75)))?.fact.skill.verified == false)
  }
}
