import Contract
import ProfilesAPI
import ServiceKit
import Testing

/// What clients and other services rely on: a line here is never changed, only added.
@Suite struct WireNamesTests {
  @Test func `endpoints keep their names, places and fields`() throws {
    let lines = [
      try line(OwnProfile.self), try line(ChangeProfile.self), try line(SetAvatar.self), try line(RemoveAvatar.self),
      try line(SkillCategories.self), try line(Skills.self), try line(OwnSkills.self), try line(AddSkill.self),
      try line(ChangeSkill.self), try line(RemoveSkill.self), try line(AddTaxonomySkill.self),
      try line(ChangeTaxonomySkill.self), try line(AddCategory.self), try line(ProfileOf.self),
      try line(SearchMembers.self), try line(MakeMembers.self),
    ]
    #expect(
      lines == [
        "profiles.own | GET /api/v1/me member standard |  | 200",
        "profiles.change | PATCH /api/v1/me member standard | firstName? lastName? bio? location? timezone? languages? learningStyle? preferences? privacy? | 200",
        "profiles.set-avatar | PUT /api/v1/me/avatar member costly | object size | 200",
        "profiles.remove-avatar | DELETE /api/v1/me/avatar member standard |  | 204",
        "profiles.skill-categories | GET /api/v1/skills/categories anyone standard |  | 200",
        "profiles.skills | GET /api/v1/skills anyone standard | q? category? limit? cursor? | 200",
        "profiles.own-skills | GET /api/v1/me/skills member standard |  | 200",
        "profiles.add-skill | POST /api/v1/me/skills member standard | skillId kind proficiency description? | 201",
        "profiles.change-skill | PATCH /api/v1/me/skills/{id} member standard | id kind? proficiency? description? | 200",
        "profiles.remove-skill | DELETE /api/v1/me/skills/{id} member standard | id | 204",
        "profiles.add-taxonomy-skill | POST /api/v1/admin/skills admin standard | name category | 201",
        "profiles.change-taxonomy-skill | PATCH /api/v1/admin/skills/{id} admin standard | id name? category? isRetired? | 200",
        "profiles.add-category | POST /api/v1/admin/skills/categories admin standard | name | 201",
        "profiles.of | GET /api/v1/users/{userId} member standard | userId | 200",
        "profiles.search | GET /api/v1/users member costly | q? skill? category? minTier? location? minRating? language? verified? onlineStatus? activeWithin? lastSeenWithin? role? sort? limit? cursor? | 200",
        "profiles.make-members | mesh | seed first count | 200",
      ])
  }

  @Test func `replies keep the fields that clients read`() throws {
    #expect(
      try fields(of: Profile.self)
        == "id email? emailVerified firstName lastName bio? location? timezone? languages learningStyle? preferences privacy "
        + "avatarUrl? isProvider completeness version")
    #expect(
      try fields(of: PublicProfile.self)
        == "id firstName lastName bio? location? timezone? languages learningStyle? avatarUrl? isProvider memberSince skills "
        + "rating responseMetrics? presence badges")
    #expect(
      try fields(of: SearchMembers.Card.self)
        == "id firstName lastName avatarUrl? location? languages isProvider skills rating presence")
    #expect(
      try fields(of: MemberSkill.self) == "id skillId name category kind proficiency tier description? verified")
    #expect(try fields(of: Avatar.self) == "avatarUrl smallUrl largeUrl")
  }

  @Test func `events keep their names and fields`() throws {
    let lines = [
      try line(event: ProfileChanged.self), try line(event: BecameProvider.self),
      try line(event: CeasedToBeProvider.self), try line(event: SkillAdded.self), try line(event: SkillChanged.self),
      try line(event: SkillRemoved.self), try line(event: TaxonomyChanged.self),
    ]
    #expect(
      lines == [
        "profiles.profile-changed | member firstName lastName avatar? timezone? languages learningStyle?",
        "profiles.became-provider | member", "profiles.ceased-to-be-provider | member",
        "profiles.skill-added | member skill", "profiles.skill-changed | member skill",
        "profiles.skill-removed | member id skillId kind", "profiles.taxonomy-changed | version",
      ])
  }
}
