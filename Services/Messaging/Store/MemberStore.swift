import Contract
import EventLoop
import MessagingAPI
import Postgres

/// Who can take part, in `members`.
@Loop struct MemberStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Keeps a new member's name, unless their profile has told a later one already.
  func introduce(_ member: MemberID, firstName: String, lastName: String) async throws {
    try await database.query(
      """
      insert into members as m (id, first_name, last_name) values (\(member), \(firstName), \(lastName))
      on conflict (id) do update set first_name = coalesce(m.first_name, excluded.first_name),
        last_name = coalesce(m.last_name, excluded.last_name)
      """)
  }

  /// Keeps how a member is shown: the name, and where the picture is.
  func name(_ member: MemberID, firstName: String, lastName: String, avatar: String?) async throws {
    try await database.query(
      """
      insert into members (id, first_name, last_name, avatar)
      values (\(member), \(firstName), \(lastName), \(avatar))
      on conflict (id) do update set first_name = excluded.first_name, last_name = excluded.last_name,
        avatar = excluded.avatar
      """)
  }

  /// Those of `members` that are known, and whether each is a provider.
  func known(_ members: [MemberID]) async throws -> [MemberID: Bool] {
    let rows = try await database.query("select id, is_provider from members where id = any(\(members))")
    return Dictionary(uniqueKeysWithValues: try rows.decode(MemberID.self, Bool.self))
  }

  /// Says whether a member is a provider, also of one whose name is still to come; false when that was known.
  func setProvider(_ member: MemberID, _ isProvider: Bool) async throws -> Bool {
    try await database.query(
      """
      insert into members as m (id, is_provider) values (\(member), \(isProvider))
      on conflict (id) do update set is_provider = excluded.is_provider where m.is_provider <> excluded.is_provider
      """
    ).affected == 1
  }

  /// The next providers after one, by their ids.
  func providers(after member: MemberID?, limit: Int) async throws -> [MemberID] {
    let isAfter: SQL = member.map { "id > \($0)" } ?? "true"
    return try await database.query(
      "select id from members where is_provider and \(isAfter) order by id limit \(limit)"
    ).decode(MemberID.self)
  }

  /// Forgets a member's name, and that they are a provider.
  func erase(_ member: MemberID) async throws {
    try await database.query("delete from members where id = \(member)")
  }
}
