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

/// What all services have parked because they failed at it: the runtime's table `mesh_parked` in each service's schema.
@Loop struct DeadEvents {
  /// How many of a service are looked at, the oldest first.
  nonisolated static let limit = 1000

  private let database: Database

  /// Looks into the database at `url`, as its superuser.
  init(url: String) {
    var configuration = Database.Configuration(url: url, applicationName: "mesh")
    configuration.queryTimeout = .seconds(10)
    database = Database(configuration)
  }

  func close() { database.close() }

  /// The services that have such a table. Throws `PostgresError`.
  func services() async throws -> [String] {
    let found = try await database.query(
      """
      select n.nspname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relname = 'mesh_parked' and c.relkind = 'r' order by 1
      """)
    return try found.decode(String.self)
  }

  /// The dead events of a service that has the table. Throws `PostgresError`.
  func find(of service: String) async throws -> [DeadEvent] {
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

  /// Takes away the reason of a service's dead events, of one subject or of all: the service looks for such ones every
  /// few seconds and tries them again. Returns how many there were. Throws `PostgresError`.
  func redrive(_ service: String, _ subject: UniqueID?) async throws -> Int {
    try await database.query(
      """
      update \(identifier: service).mesh_parked set reason = null
      where reason is not null and subject = coalesce(\(subject), subject)
      """
    ).affected
  }
}
