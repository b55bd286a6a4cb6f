import Contract
import EventLoop
import Postgres

/// Moves aggregates past events that nobody handles here, many in one statement.
///
/// A service hears everything a source says when it handles any of it, and most may be none of its business. Such an event
/// has no effect but that its aggregate's next one may come, so it needs no transaction of its own: those that are heard
/// within a moment share a statement. Nobody waits for them but the aggregate's next event.
@Loop final class Bystander {
  private static let limit = 500
  /// How long the first one waits for company, unless so many come before.
  private static let moment = Duration.milliseconds(10)
  private static let company = 32

  private let database: Database
  private var waiting: [(record: OutboxRecord, passed: Promise<Bool>)] = []
  private var isRunning = false
  private var timer: LoopTimer?

  init(_ database: Database) { self.database = database }

  /// Lets `record` pass. False when it is not its aggregate's next event, or others of it are parked: it has to be looked at
  /// by itself. Throws `PostgresError`; to repeat it is safe.
  func pass(_ record: OutboxRecord) async throws -> Bool {
    let passed = Promise<Bool>()
    waiting.append((record, passed))
    startOrWait()
    return try await passed.value
  }

  private func startOrWait() {
    guard !isRunning, !waiting.isEmpty else { return }
    guard waiting.count < Self.company else { return start() }
    if timer?.isArmed != true { timer = Loop.schedule(after: Self.moment) { [weak self] in self?.start() } }
  }

  private func start() {
    timer?.cancel()
    isRunning = true
    let heard = Array(waiting.prefix(Self.limit))
    waiting.removeFirst(heard.count)
    Loop.task { [self] in
      do {
        let moved = try await move(heard.map(\.record))
        for (record, passed) in heard { passed.fulfil(moved[Place(record)] == record.version) }
      } catch {
        for (_, passed) in heard { passed.fail(error) }
      }
      isRunning = false
      startOrWait()
    }
  }

  private struct Place: Hashable {
    let source: String
    let subject: UniqueID

    init(_ source: String, _ subject: UniqueID) { (self.source, self.subject) = (source, subject) }
    init(_ record: OutboxRecord) { self.init(record.source, record.subject) }
  }

  /// The aggregates that are moved, each to its event's version.
  private func move(_ records: [OutboxRecord]) async throws -> [Place: Int64] {
    // Replicas that meet take the rows' locks in the same order.
    let records = records.sorted { ($0.source, $0.subject) < ($1.source, $1.subject) }
    let rows = try await database.query(
      """
      with heard as (
        select * from unnest(\(records.map(\.source)), \(records.map(\.subject)), \(records.map(\.version)))
          as h(source, subject, version)
      ), moved as (
        update mesh_inbox i set version = h.version from heard h
        where i.source = h.source and i.subject = h.subject and i.version = h.version - 1 and not i.has_parked
        returning i.source, i.subject, i.version
      ), begun as (
        insert into mesh_inbox (source, subject, version) select source, subject, 1 from heard where version = 1
        on conflict do nothing returning source, subject, version
      )
      select source, subject, version from moved union all select source, subject, version from begun
      """)
    return try rows.reduce(into: [:]) { places, row in
      let (source, subject, version) = try row.decode(String.self, UniqueID.self, Int64.self)
      places[Place(source, subject)] = version
    }
  }
}
