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
  private let pushes: PushOutbox
  private var emitted: [Emission] = []
  /// Pushes to send after the commit.
  private(set) var pushed: [PushOutbox.Row] = []
  /// Timers that were set, the earliest first due.
  private(set) var earliestTimer: Timestamp?
  /// Whether shared state was changed.
  private(set) var hasShared = false

  /// The time at which the work began: the one clock reading that it needs.
  public let now: Timestamp

  private struct Emission {
    let id: UniqueID
    let name: String
    let subject: UniqueID
    let payload: String
    let traceparent: String?
  }

  init(_ transaction: Transaction, _ pushes: PushOutbox, now: Timestamp) {
    (self.transaction, self.pushes, self.now) = (transaction, pushes, now)
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
        payload: String(decoding: try JSONEncoding.bytes(of: event), as: UTF8.self),
        traceparent: TraceContext.current?.traceparent))
  }

  /// Tells the clients that are subscribed to `channel`, if and only if the work is committed; with a `view`, only those
  /// who were granted it.
  public func push<P: Push>(_ push: P, to channel: Channel, view: String? = nil) throws {
    send(try PushMessage(push, id: UniqueID(at: now), source: pushes.source, to: channel, view: view))
  }

  /// Has the gateways ask again whether the subscribers of `channel` may be there, and how they see it.
  public func recheck(_ channel: Channel) {
    send(PushMessage(id: UniqueID(at: now), source: pushes.source, kind: .recheck, channel: channel))
  }

  private func send(_ message: PushMessage) {
    pushed.append(pushes.row(of: message))
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

  /// Gives a key of the service's shared state a value, for everybody who keeps a copy of it.
  public func share<State: SharedState>(_ state: State, key: String) throws {
    share(State.topic, key, String(decoding: try JSONEncoding.bytes(of: state), as: UTF8.self))
  }

  /// Takes a key out of the service's shared state.
  public func withdraw<State: SharedState>(_ type: State.Type, key: String) { share(type.topic, key, nil) }

  private func share(_ topic: String, _ key: String, _ value: String?) {
    hasShared = true
    transaction.send(
      """
      insert into mesh_shared_state as s (topic, key, value) values (\(topic), \(key), \(value))
      on conflict (topic, key) do update set value = excluded.value, version = s.version + 1
      """)
  }

  /// Whether there is anything to publish.
  var hasEmitted: Bool { !emitted.isEmpty }

  /// Writes what was emitted and pushed, along with the commit: a statement each, however many they are. `written` gets
  /// the events with their versions when all of it has arrived, which is before the commit is confirmed.
  func writeEmitted(_ written: @escaping @Loop ([OutboxRecord]) -> Void) {
    if !pushed.isEmpty { transaction.send(PushOutbox.write(pushed, now: now)) }
    guard !emitted.isEmpty else { return }
    let events = emitted
    emitted = []
    transaction.send(events.count == 1 ? write(events[0]) : write(events)) { outcome in
      guard let rows = try? outcome.get(), let versions = try? rows.map({ try $0.decode(column: 0, as: Int64.self) })
      else { return }
      written(
        zip(events, versions).map { event, version in
          OutboxRecord(
            id: event.id, name: event.name, subject: event.subject, version: version, payload: event.payload,
            traceparent: event.traceparent, occurredAt: self.now)
        })
    }
  }

  /// Most work emits one event, and for one this form takes a quarter less time than the one for many.
  private func write(_ event: Emission) -> SQL {
    """
    with next as (
      insert into mesh_versions as v (subject, version) values (\(event.subject), 1)
      on conflict (subject) do update set version = v.version + 1 returning version
    ), kept as (
      insert into mesh_outbox (id, name, subject, version, payload, traceparent, occurred_at)
      select \(event.id), \(event.name), \(event.subject), version, \(event.payload), \(event.traceparent), \(now) from next
    ), pending as (
      insert into mesh_unpublished (id, occurred_at, due_at) values (\(event.id), \(now), \(now + Self.publishGrace))
    )
    select version from next
    """
  }

  /// Everybody takes the versions' locks in the same order, so that nobody waits in a circle.
  private func write(_ events: [Emission]) -> SQL {
    """
    with emitted as (
      select * from unnest(\(events.map(\.id)), \(events.map(\.name)), \(events.map(\.subject)),
        \(events.map(\.payload)), \(events.map(\.traceparent)))
        with ordinality as e(id, name, subject, payload, traceparent, place)
    ), counted as (
      insert into mesh_versions as v (subject, version)
      select subject, count(*) from emitted group by subject order by subject
      on conflict (subject) do update set version = v.version + excluded.version returning subject, version
    ), numbered as (
      select e.*, c.version + 1 - row_number() over (partition by e.subject order by e.place desc) as version
      from emitted e join counted c using (subject)
    ), kept as (
      insert into mesh_outbox (id, name, subject, version, payload, traceparent, occurred_at)
      select id, name, subject, version, payload, traceparent, \(now) from numbered
    ), pending as (
      insert into mesh_unpublished (id, occurred_at, due_at) select id, \(now), \(now + Self.publishGrace) from emitted
    )
    select version from numbered order by place
    """
  }
}
