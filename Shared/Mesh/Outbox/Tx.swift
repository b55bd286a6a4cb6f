public import Contract
public import EventLoop
public import Postgres
import Telemetry
import Wire

/// The transaction in which a handler does its work: its statements, the events it emits and the timers it sets take
/// effect together, or not at all.
///
/// Stores send their statements through it. It must not be used after the handler has returned.
@Loop public final class Tx: Querying {
  /// How long after the commit the relay waits for the writer to publish.
  static let publishGrace = Duration.seconds(2)

  private let transaction: Transaction
  private var emitted: [Emission] = []
  /// Timers that were set, the earliest first due.
  private(set) var earliestTimer: Timestamp?

  /// The time at which the work began: the one clock reading that it needs.
  public let now: Timestamp

  private struct Emission {
    let id: UniqueID
    let name: String
    let subject: UniqueID
    let payload: String
  }

  init(_ transaction: Transaction, now: Timestamp) {
    (self.transaction, self.now) = (transaction, now)
  }

  /// Sends a statement and waits for its answer. Throws `PostgresError`; the transaction has failed then.
  @discardableResult
  public func query(_ sql: SQL, file: StaticString, line: UInt) async throws -> Rows {
    try await transaction.query(sql, file: file, line: line)
  }

  /// Sends a statement whose answer is of no interest, along with what follows: it costs no waiting. If it fails, the
  /// whole work does.
  public func send(_ sql: SQL, file: StaticString = #fileID, line: UInt = #line) {
    transaction.send(sql, file: file, line: line)
  }

  /// Publishes a fact, if and only if the work is committed. The aggregate must be locked by then.
  public func emit<Fact: Event>(_ event: Fact) throws {
    emitted.append(
      Emission(
        id: UniqueID(at: now), name: Fact.name, subject: event.subject,
        payload: String(decoding: try JSONEncoding.bytes(of: event), as: UTF8.self)))
  }

  /// Fires `timer` once, at `time` or within two seconds after it. One timer of its kind is kept for each key: setting
  /// it again moves and replaces it.
  public func schedule<Timer: DurableTimer>(_ timer: Timer, at time: Timestamp, key: String) throws {
    let payload = String(decoding: try JSONEncoding.bytes(of: timer), as: UTF8.self)
    transaction.send(
      """
      insert into mesh_timers (name, key, due_at, payload, traceparent)
      values (\(Timer.name), \(key), \(time), \(payload), \(TraceContext.current?.traceparent))
      on conflict (name, key) do update set due_at = excluded.due_at, payload = excluded.payload,
        traceparent = excluded.traceparent, attempts = 0, reason = null
      """)
    earliestTimer = min(earliestTimer ?? time, time)
  }

  /// Takes a timer back. One that is firing at this moment, or was never set, is passed over.
  public func cancel<Timer: DurableTimer>(_ type: Timer.Type, key: String) {
    transaction.send("delete from mesh_timers where name = \(Timer.name) and key = \(key)")
  }

  /// Whether there is anything to publish.
  var hasEmitted: Bool { !emitted.isEmpty }

  /// Writes what was emitted, along with the commit. `written` gets the events with their versions when all of it has
  /// arrived, which is before the commit is confirmed.
  func writeEmitted(_ written: @escaping @Loop (OutboxRecord) -> Void) {
    let trace = TraceContext.current?.traceparent
    let due = now + Self.publishGrace
    // Everybody takes the versions' locks in the same order, so that nobody waits in a circle.
    for event in emitted.enumerated().sorted(by: { ($0.element.subject, $0.offset) < ($1.element.subject, $1.offset) })
    {
      let event = event.element
      let statement: SQL = """
        with next as (
          insert into mesh_versions as v (subject, version) values (\(event.subject), 1)
          on conflict (subject) do update set version = v.version + 1 returning version
        ), kept as (
          insert into mesh_outbox (id, name, subject, version, payload, traceparent, occurred_at)
          select \(event.id), \(event.name), \(event.subject), version, \(event.payload), \(trace), \(now) from next
        ), pending as (
          insert into mesh_unpublished (id, occurred_at, due_at) values (\(event.id), \(now), \(due))
        )
        select version from next
        """
      transaction.send(statement) { rows in
        guard let version = try? rows.first?.decode(column: 0, as: Int64.self) else { return }
        written(
          OutboxRecord(
            id: event.id, name: event.name, subject: event.subject, version: version, payload: event.payload,
            traceparent: trace, occurredAt: self.now))
      }
    }
    emitted = []
  }
}
