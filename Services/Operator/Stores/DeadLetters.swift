import Contract
import EventLoop
import Postgres

/// An event that a service could not handle. It is parked, and the later ones of its subject wait behind it.
struct DeadEvent: Encodable, Equatable, Sendable {
  /// The service that could not handle it.
  let service: String
  let event: String
  let id: UniqueID
  /// The aggregate that it is about, in the service that told it.
  let subject: UniqueID
  let version: Int64
  let reason: String
  let attempts: Int
  let parkedAt: Timestamp
  /// How many events wait behind it.
  let waiting: Int
  let payload: String
}

/// A timer that failed whenever it fired, until it was given up.
struct DeadTimer: Encodable, Equatable, Sendable {
  let service: String
  let timer: String
  /// What tells it from the service's other timers of its name.
  let key: String
  let reason: String
  let attempts: Int
  /// When it failed for the last time.
  let failedAt: Timestamp
  let payload: String
}

/// What all services failed at and put aside: events in the runtime's table `mesh_parked`, timers in `mesh_timers`, in
/// each service's schema.
@Loop struct DeadLetters {
  /// How many events, and how many timers, of a service are looked at, the oldest first.
  nonisolated static let limit = 1000

  private let database: Database

  /// Looks into the database at `url`, as its superuser.
  init(url: String) {
    var configuration = Database.Configuration(url: url, applicationName: "mesh")
    configuration.queryTimeout = .seconds(10)
    database = Database(configuration)
  }

  func close() { database.close() }

  /// The services that have such tables. Throws `PostgresError`.
  func services() async throws -> [String] {
    let found = try await database.query(
      """
      select n.nspname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname = 'mesh_parked' and c.relkind = 'r' order by 1
      """)
    return try found.decode(String.self)
  }

  /// The dead events of a service that has the tables. Throws `PostgresError`.
  func events(of service: String) async throws -> [DeadEvent] {
    let rows = try await database.query(
      """
      select name, id, subject, version, reason, attempts, parked_at, payload, (
        select count(*) from \(identifier: service).mesh_parked later
        where later.source = dead.source and later.subject = dead.subject and later.version > dead.version)
      from \(identifier: service).mesh_parked dead where reason is not null
      order by parked_at, subject, version limit \(Self.limit)
      """)
    return try rows.map { row in
      let (event, id, subject, version, reason, attempts, parkedAt, payload, waiting) = try row.decode(
        String.self, UniqueID.self, UniqueID.self, Int64.self, String.self, Int.self, Timestamp.self, String.self,
        Int.self)
      return DeadEvent(
        service: service, event: event, id: id, subject: subject, version: version, reason: reason,
        attempts: attempts, parkedAt: parkedAt, waiting: waiting, payload: payload)
    }
  }

  /// The dead timers of a service that has the tables. Throws `PostgresError`.
  func timers(of service: String) async throws -> [DeadTimer] {
    let rows = try await database.query(
      """
      select name, key, reason, attempts, due_at, payload from \(identifier: service).mesh_timers
      where reason is not null order by due_at, name, key limit \(Self.limit)
      """)
    return try rows.map { row in
      let (timer, key, reason, attempts, failedAt, payload) = try row.decode(
        String.self, String.self, String.self, Int.self, Timestamp.self, String.self)
      return DeadTimer(
        service: service, timer: timer, key: key, reason: reason, attempts: attempts, failedAt: failedAt,
        payload: payload)
    }
  }

  /// Takes away the reason of a service's dead events, of one subject or of all: the service looks for such ones every
  /// few seconds and tries them again. Returns how many there were. Throws `PostgresError`.
  func redriveEvents(of service: String, _ subject: UniqueID?) async throws -> Int {
    try await database.query(
      """
      update \(identifier: service).mesh_parked set reason = null
      where reason is not null and subject = coalesce(\(subject), subject)
      """
    ).affected
  }

  /// Has a service's dead timers, those with a key or all, fire now, with all attempts before them. Returns how many there
  /// were. Throws `PostgresError`.
  func redriveTimers(of service: String, key: String?) async throws -> Int {
    try await database.query(
      """
      update \(identifier: service).mesh_timers set reason = null, attempts = 0, due_at = now()
      where reason is not null and key = coalesce(\(key)::text, key)
      """
    ).affected
  }
}
