import Contract
import ProfilesAPI
import Testing

@testable import Profiles

@Suite struct PopulationTests {
  let now = Timestamp("2026-03-01T12:00:00Z")!

  private func population(_ seed: Int) -> Population {
    let skills = (0..<50).map { number in
      TaxonomySkill(
        id: SkillID(UniqueID(high: 7, low: UInt64(number))), slug: "skill-\(number)", name: "Skill \(number)",
        category: "category")
    }
    return Population(seed: seed, skills: skills)
  }

  @Test func `the same seed makes the same members, another seed others`() throws {
    let (one, again, other) = (population(7), population(7), population(8))
    for number in [0, 1, 99_999] {
      let member = try one.inhabitant(number, now: now)
      #expect(try again.inhabitant(number, now: now).profile == member.profile)
      #expect(try again.inhabitant(number, now: now).skills == member.skills)
      #expect(try other.inhabitant(number, now: now).profile.id != member.profile.id)
    }
  }

  @Test func `a population has the skew of a real one`() throws {
    let members = try (0..<2000).map { try population(1).inhabitant($0, now: now) }
    #expect(Set(members.map(\.profile.id)).count == 2000)
    let providers = members.count { $0.skills.isProvider }
    #expect((700...900).contains(providers))
    let taught = Dictionary(grouping: members.flatMap(\.skills.taught), by: \.name).mapValues(\.count)
    let most = try #require(taught.values.max())
    #expect(most > 8 * taught.values.sorted()[taught.count / 2] / 2)
    #expect((100...200).contains(members.count { $0.presence.status != .offline }))
  }
}
