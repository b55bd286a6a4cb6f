import Contract
import EventLoop
import Postgres
import ProfilesAPI

/// The taxonomy, in `categories` and `skills`, with its version in `taxonomy`.
@Loop struct TaxonomyStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Rises with each change.
  func version() async throws -> Int {
    try await database.query("select version from taxonomy")[0].decode(column: 0)
  }

  /// All categories in their order.
  func categories() async throws -> [SkillCategories.Category] {
    try await database.query(
      """
      select c.id, c.slug, c.name, count(s.id)::integer
      from categories c left join skills s on s.category_id = c.id and not s.is_retired
      group by c.id order by c.position, c.slug
      """
    ).map { row in
      let (id, slug, name, count) = try row.decode(CategoryID.self, String.self, String.self, Int.self)
      return SkillCategories.Category(id: id, slug: slug, name: name, skillCount: count)
    }
  }

  /// Skills by slug, behind `cursor`; those of a category; those whose name has `part` in it: first the one that is called
  /// so, then those that begin so.
  func skills(
    with part: String?, of category: TaxonomyReference?, after cursor: TaxonomyReference?, atMost limit: Int
  ) async throws -> [Skills.Entry] {
    var conditions: SQL = "not s.is_retired"
    var rank: SQL = "0"
    if let part = part?.lowercased() {
      conditions += " and position(\(part) in lower(s.name)) > 0"
      rank = "case when lower(s.name) = \(part) then 0 when starts_with(lower(s.name), \(part)) then 1 else 2 end"
    }
    if let category { conditions += " and \(Self.isNamed("c", category))" }
    if let cursor {
      conditions += " and (\(rank), s.slug) > (select \(rank), s.slug from skills s where \(Self.isNamed("s", cursor)))"
    }
    return try await database.query(
      """
      select s.id, s.slug, s.name, c.slug from skills s join categories c on c.id = s.category_id
      where \(conditions) order by (\(rank), s.slug) limit \(limit)
      """
    ).map { row in
      let (id, slug, name, category) = try row.decode(SkillID.self, String.self, String.self, String.self)
      return Skills.Entry(id: id, slug: slug, name: name, category: category)
    }
  }

  /// The skill, unless it was taken out.
  func skill(_ id: SkillID) async throws -> TaxonomySkill? {
    try await database.query(
      """
      select s.slug, s.name, c.slug from skills s join categories c on c.id = s.category_id
      where s.id = \(id) and not s.is_retired
      """
    ).first.map { row in
      let (slug, name, category) = try row.decode(String.self, String.self, String.self)
      return TaxonomySkill(id: id, slug: slug, name: name, category: category)
    }
  }

  /// All skills that are not taken out.
  func all() async throws -> [TaxonomySkill] {
    try await database.query(
      """
      select s.id, s.slug, s.name, c.slug from skills s join categories c on c.id = s.category_id
      where not s.is_retired
      """
    ).map { row in
      let (id, slug, name, category) = try row.decode(SkillID.self, String.self, String.self, String.self)
      return TaxonomySkill(id: id, slug: slug, name: name, category: category)
    }
  }

  /// The slugs of these skills.
  func slugs(of skills: [SkillID]) async throws -> [SkillID: String] {
    guard !skills.isEmpty else { return [:] }
    let rows = try await database.query("select id, slug from skills where id = any(\(skills))")
    return Dictionary(uniqueKeysWithValues: try rows.decode(SkillID.self, String.self))
  }

  /// The slug of a skill; nil when there is none.
  func slug(ofSkill reference: TaxonomyReference) async throws -> String? {
    try await database.query("select slug from skills s where \(Self.isNamed("s", reference))").first?.decode(column: 0)
  }

  /// The slug of a category; nil when there is none.
  func slug(ofCategory reference: TaxonomyReference) async throws -> String? {
    try await database.query("select slug from categories c where \(Self.isNamed("c", reference))").first?
      .decode(column: 0)
  }

  // MARK: Editing

  /// Adds a skill to the category of this slug; nil when another one has the slug that comes of the name.
  func addSkill(_ name: TaxonomyName, to category: String, id: SkillID) async throws -> Skills.Entry? {
    try await database.query(
      """
      insert into skills (id, slug, name, category_id)
      select \(id), coalesce(nullif(slug(\(name.text)), ''), \(id)::text), \(name.text), id
      from categories where slug = \(category)
      on conflict (slug) do nothing returning slug
      """
    ).first.map { Skills.Entry(id: id, slug: try $0.decode(column: 0), name: name.text, category: category) }
  }

  /// Changes what is given; nil when there is no such skill.
  func changeSkill(
    _ id: SkillID, name: TaxonomyName?, category: String?, isRetired: Bool?
  ) async throws -> Skills.Entry? {
    try await database.query(
      """
      update skills s set name = coalesce(\(name?.text), s.name), is_retired = coalesce(\(isRetired), s.is_retired),
        category_id = c.id
      from skills old join categories c
        on case when \(category)::text is null then c.id = old.category_id else c.slug = \(category) end
      where s.id = \(id) and old.id = s.id
      returning s.slug, s.name, c.slug
      """
    ).first.map { row in
      let (slug, name, category) = try row.decode(String.self, String.self, String.self)
      return Skills.Entry(id: id, slug: slug, name: name, category: category)
    }
  }

  /// Adds a category behind the others; nil when another one has the slug that comes of the name.
  func addCategory(_ name: TaxonomyName, id: CategoryID) async throws -> SkillCategories.Category? {
    try await database.query(
      """
      insert into categories (id, slug, name, position)
      select \(id), coalesce(nullif(slug(\(name.text)), ''), \(id)::text), \(name.text),
        coalesce(max(position), 0) + 1 from categories
      on conflict (slug) do nothing returning slug
      """
    ).first.map {
      SkillCategories.Category(id: id, slug: try $0.decode(column: 0), name: name.text, skillCount: 0)
    }
  }

  /// Raises the version by one, locks it until the transaction ends, and returns it.
  func raiseVersion() async throws -> Int {
    try await database.query("update taxonomy set version = version + 1 returning version")[0].decode(column: 0)
  }

  private static func isNamed(_ table: String, _ reference: TaxonomyReference) -> SQL {
    switch reference {
    case .id(let id): "\(identifier: table).id = \(id)"
    case .slug(let slug): "\(identifier: table).slug = \(slug)"
    }
  }
}
