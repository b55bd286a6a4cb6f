import Contract
import EventLoop
import Postgres
import ProfilesAPI

/// What members offer and want, in `member_skills`. Whoever changes it has loaded the profile.
@Loop struct MemberSkillStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// All skills of a member.
  func all(of member: MemberID) async throws -> SkillSet {
    SkillSet(
      of: member,
      try await database.query("\(Self.select) where m.member_id = \(member) order by m.id").map {
        try Self.skill($0).1
      })
  }

  /// What each of `members` offers, the best first, at most ten each.
  func taught(by members: [MemberID]) async throws -> [MemberID: [MemberSkill]] {
    let rows = try await database.query(
      """
      select * from (
        \(Self.select(ranked: true)) where m.member_id = any(\(members)) and m.kind = 'teaching'
      ) ranked where place <= 10 order by place
      """)
    return Dictionary(grouping: try rows.map(Self.skill), by: \.0).mapValues { $0.map(\.1) }
  }

  /// Members who offer a skill, by their ids, behind `member`.
  func members(offering skill: SkillID, after member: MemberID?, atMost limit: Int) async throws -> [MemberID] {
    let isBehind: SQL = member.map { "member_id > \($0)" } ?? "true"
    return try await database.query(
      """
      select member_id from member_skills where skill_id = \(skill) and kind = 'teaching' and \(isBehind)
      order by member_id limit \(limit)
      """
    ).decode(MemberID.self)
  }

  /// Adds an entry.
  func add(_ skill: MemberSkill, to member: MemberID) async throws {
    try await database.query(
      """
      insert into member_skills (id, member_id, skill_id, kind, proficiency, description)
      values (\(skill.id), \(member), \(skill.skillId), \(skill.kind.rawValue), \(skill.proficiency.number),
        \(skill.description?.text))
      """)
  }

  /// Stores what may have changed of an entry.
  func save(_ skill: MemberSkill) async throws {
    try await database.query(
      """
      update member_skills set kind = \(skill.kind.rawValue), proficiency = \(skill.proficiency.number),
        description = \(skill.description?.text),
        verified_at = case when \(skill.verified) then verified_at end
      where id = \(skill.id)
      """)
  }

  /// Removes an entry.
  func remove(_ id: MemberSkillID) async throws {
    try await database.query("delete from member_skills where id = \(id)")
  }

  private static let select = select(ranked: false)

  private static func select(ranked: Bool) -> SQL {
    let place: SQL =
      ranked ? ", row_number() over (partition by m.member_id order by m.proficiency desc, m.id) as place" : ""
    return """
      select m.member_id, m.id, m.skill_id, s.name, c.slug, m.kind, m.proficiency, m.description,
        m.verified_at is not null \(place)
      from member_skills m join skills s on s.id = m.skill_id join categories c on c.id = s.category_id
      """
  }

  private static func skill(_ row: Row) throws -> (MemberID, MemberSkill) {
    let (member, id, skill, name, category, kind, proficiency, description, verified) = try row.decode(
      MemberID.self, MemberSkillID.self, SkillID.self, String.self, String.self, SkillKind.self, Proficiency.self,
      SkillDescription?.self, Bool.self)
    return (
      member,
      MemberSkill(
        id: id, skillId: skill, name: name, category: category, kind: kind, proficiency: proficiency,
        description: description, verified: verified)
    )
  }
}

extension SkillKind: PostgresDecodable {}

extension Proficiency: PostgresDecodable {
  /// Reads a column that holds a proficiency.
  public init(postgres cell: Cell) throws {
    do { try self.init(Int(postgres: cell)) } catch is InvalidValue { throw cell.mismatch(Proficiency.self) }
  }
}
