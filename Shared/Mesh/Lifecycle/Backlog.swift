import EventLoop
import Postgres
import Telemetry

/// Counts what a service has in its database still to do, and what it has given up. Every replica counts the same rows.
@Loop final class Backlog {
  /// How often to count.
  static let interval = Duration.seconds(15)
  /// Events that wait for Kafka are counted up to this number, since there can be very many.
  private static let limit = 10_000

  private let database: Database
  private let isThere: Gauge
  private let unpublished: Gauge
  private let unpublishedAge: Gauge
  private let pushes: Gauge
  private let parked: Gauge
  private let dead: Gauge
  private let deadTimers: Gauge
  private let overdue: Gauge

  init(_ database: Database, metrics: Metrics) {
    self.database = database
    isThere = metrics.gauge("mesh_database_up", "1 where PostgreSQL answered when it was last asked, else 0.")
    isThere.set(1)
    unpublished = metrics.gauge(
      "mesh_events_unpublished", "Events of the service that Kafka has not acknowledged, 10000 at most.")
    unpublishedAge = metrics.gauge("mesh_events_unpublished_age_seconds", "How long the oldest of them has waited.")
    pushes = metrics.gauge(
      "mesh_pushes_unsent", "Pushes of the service that Kafka has not acknowledged, 10000 at most.")
    parked = metrics.gauge("mesh_events_parked", "Events that wait for an earlier one of their subject.")
    dead = metrics.gauge("mesh_events_dead", "Events whose handler failed for good; somebody has to look.")
    deadTimers = metrics.gauge("mesh_timers_dead", "Timers that were given up; somebody has to look.")
    overdue = metrics.gauge("mesh_timers_overdue_seconds", "For how long the longest overdue timer has been due.")
  }

  /// Counts. Throws `PostgresError`.
  func count() async throws {
    let rows: Rows
    do {
      rows = try await database.query(
        """
        select
          (select count(*) from (select from mesh_unpublished limit \(Self.limit)) u),
          (select extract(epoch from now() - occurred_at)::float8 from mesh_unpublished order by id limit 1),
          (select count(*) from (select from mesh_pushes limit \(Self.limit)) p),
          (select count(*) from mesh_parked where reason is null),
          (select count(*) from mesh_parked where reason is not null),
          (select count(*) from mesh_timers where reason is not null),
          (select extract(epoch from now() - due_at)::float8 from mesh_timers
            where reason is null order by due_at limit 1)
        """)
    } catch {
      isThere.set(0)
      throw error
    }
    isThere.set(1)
    for row in rows {
      let (events, age, unsent, early, poisoned, timers, late) = try row.decode(
        Int.self, Double?.self, Int.self, Int.self, Int.self, Int.self, Double?.self)
      unpublished.set(events)
      unpublishedAge.set(max(0, age ?? 0))
      pushes.set(unsent)
      parked.set(early)
      dead.set(poisoned)
      deadTimers.set(timers)
      overdue.set(max(0, late ?? 0))
    }
  }
}
