import Contract
import EventLoop
import Postgres
import PresenceAPI

/// Members with what they have set, in `members` and `providers`.
@Loop struct MemberStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// The settings of those who are known, not locked.
  func find(_ members: [MemberID]) async throws -> [MemberID: MemberSettings] {
    let rows = try await database.query("\(Self.select) where m.id = any(\(members))")
    return Dictionary(try rows.map { try Self.settings($0) }.map { ($0.member, $0) }) { first, _ in first }
  }

  /// The settings of a member who exists, not locked.
  func find(_ member: MemberID) async throws -> MemberSettings {
    try await find([member])[member] ?? MemberSettings(member)
  }

  /// The settings of a member who has just been authenticated, locked until the transaction ends. Where identity's word
  /// has not come yet, they are entered without names.
  func load(_ member: MemberID) async throws -> MemberSettings {
    try await enter([member])
    let rows = try await database.query("\(Self.select) where m.id = \(member) for update of m")
    return try rows.first.map { try Self.settings($0) } ?? MemberSettings(member)
  }

  /// Makes sure that members have a row.
  func enter(_ members: [MemberID]) async throws {
    // In order, so that nobody waits in a circle.
    try await database.query(
      "insert into members (id) select id from unnest(\(members)) as new (id) order by id on conflict do nothing")
  }

  /// Enters a new member's names, unless a later word about them has come before.
  func introduce(_ member: MemberID, first: String, last: String) async throws {
    try await database.query(
      """
      insert into members (id, first_name, last_name) values (\(member), \(first), \(last))
      on conflict (id) do update set first_name = coalesce(members.first_name, excluded.first_name),
        last_name = coalesce(members.last_name, excluded.last_name)
      """)
  }

  /// Enters a member's names and where the picture is.
  func name(_ member: MemberID, first: String, last: String, avatar: String?) async throws {
    try await database.query(
      """
      insert into members (id, first_name, last_name, avatar) values (\(member), \(first), \(last), \(avatar))
      on conflict (id) do update set first_name = excluded.first_name, last_name = excluded.last_name,
        avatar = excluded.avatar
      """)
  }

  /// Enters whether a member offers a skill.
  func mark(_ member: MemberID, isProvider: Bool) async throws {
    try await database.query(
      """
      insert into members (id, is_provider) values (\(member), \(isProvider))
      on conflict (id) do update set is_provider = excluded.is_provider
      """)
  }

  /// Stores what may have changed of a member who was loaded, availability aside.
  func save(_ settings: MemberSettings) async throws {
    let (choice, custom) = (settings.choice, settings.customStatus)
    try await database.query(
      """
      update members set choice = \(choice?.status.rawValue), choice_made_at = \(choice?.madeAt),
        choice_until = \(choice?.until), do_not_disturb = \(choice?.doNotDisturb ?? false),
        message = \(custom?.message?.text), emoji = \(custom?.emoji?.text), message_until = \(custom?.until),
        show_status_to = \(settings.privacy.showOnlineStatus.rawValue),
        hide_exact_times = \(settings.privacy.hideExactTimes)
      where id = \(settings.member)
      """)
  }

  /// Stores how a provider is available.
  func save(_ availability: Availability, of member: MemberID) async throws {
    let quiet = availability.quietHours
    try await database.query(
      """
      insert into providers (member_id, max_sessions, accepts_online, accepts_in_person, quiet_start, quiet_end,
        quiet_timezone)
      values (\(member), \(availability.maxConcurrentSessions.number), \(availability.acceptsOnline),
        \(availability.acceptsInPerson), \(quiet?.start.minutes), \(quiet?.end.minutes), \(quiet?.timezone))
      on conflict (member_id) do update set max_sessions = excluded.max_sessions,
        accepts_online = excluded.accepts_online, accepts_in_person = excluded.accepts_in_person,
        quiet_start = excluded.quiet_start, quiet_end = excluded.quiet_end, quiet_timezone = excluded.quiet_timezone
      """)
  }

  /// The columns that `settings` reads, for statements on `members m` and `providers p`.
  static let columns: SQL = """
    m.id, m.first_name, m.last_name, m.avatar, m.choice, m.choice_made_at, m.choice_until, m.do_not_disturb, m.message, m.emoji,
    m.message_until, m.show_status_to, m.hide_exact_times, p.max_sessions, p.accepts_online, p.accepts_in_person,
    p.quiet_start, p.quiet_end, p.quiet_timezone
    """

  private static let select: SQL = "select \(columns) from members m left join providers p on p.member_id = m.id"

  /// Reads the columns of `columns`.
  static func settings(_ row: Row) throws -> MemberSettings {
    var settings = MemberSettings(try row.decode("id"))
    settings.firstName = try row.decode("first_name")
    settings.lastName = try row.decode("last_name")
    settings.avatar = try row.decode("avatar")
    if let status = try row.decode("choice", as: PresenceStatus?.self) {
      settings.choice = StatusChoice(
        status: status, until: try row.decode("choice_until"), madeAt: try row.decode("choice_made_at"),
        doNotDisturb: try row.decode("do_not_disturb"))
    }
    let message = try row.decode("message", as: String?.self).map { try StatusMessage($0) }
    let emoji = try row.decode("emoji", as: String?.self).map { try StatusEmoji($0) }
    if message != nil || emoji != nil {
      settings.customStatus = CustomStatus(message: message, emoji: emoji, until: try row.decode("message_until"))
    }
    settings.privacy = Privacy(
      showOnlineStatus: try row.decode("show_status_to"), hideExactTimes: try row.decode("hide_exact_times"))
    if let limit = try row.decode("max_sessions", as: Int32?.self) {
      settings.availability = Availability(
        maxConcurrentSessions: try SessionLimit(Int(limit)), acceptsOnline: try row.decode("accepts_online"),
        acceptsInPerson: try row.decode("accepts_in_person"), quietHours: try quietHours(row))
    }
    return settings
  }

  private static func quietHours(_ row: Row) throws -> QuietHours? {
    guard let start = try row.decode("quiet_start", as: Int32?.self).flatMap({ TimeOfDay(minutes: Int($0)) }),
      let end = try row.decode("quiet_end", as: Int32?.self).flatMap({ TimeOfDay(minutes: Int($0)) }),
      let timezone = try row.decode("quiet_timezone", as: String?.self)
    else { return nil }
    return QuietHours(start: start, end: end, timezone: timezone)
  }
}

extension PresenceStatus: PostgresDecodable {}
extension StatusAudience: PostgresDecodable {}
