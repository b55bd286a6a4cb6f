import Contract
import EventLoop
import Kafka
import Postgres
import Telemetry

/// Brings committed events to Kafka: at once those of this process, and after a while those that another left behind.
///
/// **Overview.** A writer hands its events over right after its commit. When Kafka has acknowledged an event, its mark in
/// `mesh_unpublished` is taken away, many at a time. The relay looks for marks that are past due, puts their due time off
/// so that no other relay takes them too, and publishes them.
///
/// **Guarantees.** Every committed event is published at least once, whoever dies. Duplicates and disorder are possible;
/// the consumers' inboxes put that right.
@Loop final class Publisher {
  /// While there are many, events leave together at most so often: each departure is a write to Kafka's disk, and wakes
  /// whoever hears of it. While there are few each leaves at once: who has just registered is known everywhere.
  private static let interval = Duration.milliseconds(50)
  private static let burst = 20
  private static let markInterval = Duration.milliseconds(50)
  private static let relayInterval = Duration.seconds(1)
  private static let relayBatch = 500
  /// How long a relay has for publishing what it took.
  private static let lease = Duration.seconds(15)
  /// More events than these in this process's hands are left to the relay.
  private static let pendingLimit = 10_000
  private static let partitionDays = 7

  private let database: Database
  private let producer: Producer
  private lazy var pace = Pace<OutboxRecord>(Self.interval, burst: Self.burst) { [unowned self] in
    for record in $0 { send(record) }
  }
  private let log: Log
  private var published: [UniqueID] = []
  private var markTimer: LoopTimer?
  private var relayTimer: LoopTimer?
  private var isRelaying = false
  private var isClosed = false
  private let count: Counter
  private let relayed: Counter

  init(_ kafka: KafkaConfiguration, _ database: Database, log: Log, metrics: Metrics) throws {
    (self.database, self.log) = (database, log)
    producer = try Producer(kafka)
    count = metrics.counter("mesh_events_published_total", "Events that Kafka has acknowledged.")
    relayed = metrics.counter("mesh_events_relayed_total", "Events that their writer had not published in time.")
  }

  /// Begins to look after what others left behind.
  func start() {
    relayTimer = Loop.schedule(after: Self.relayInterval) { [weak self] in self?.relayOnTime() }
  }

  /// Publishes what is in hand, and ends.
  func stop(within limit: Duration) async {
    isClosed = true
    relayTimer?.cancel()
    pace.flush()
    do {
      try await producer.close(within: limit)
    } catch {
      log.warning("some events were not published; a relay will", ["error": "\(error)"])
    }
    markTimer?.cancel()
    await removeMarks()
  }

  /// Publishes events that have been committed.
  func publish(_ records: [OutboxRecord]) {
    guard !isClosed else { return }
    pace.add(records.prefix(max(0, Self.pendingLimit - producer.pending - pace.count)))
  }

  private func send(_ record: OutboxRecord) {
    do {
      let topic = try producer.topic(MeshTopics.events(of: record.source))
      try producer.send(
        to: topic, key: Array(record.subject.description.utf8), value: Array(record.payload.utf8),
        headers: CloudEvent.headers(record)
      ) { [weak self] outcome in self?.finish(record, outcome) }
    } catch {
      log.limited().warning("an event was not published; a relay will", ["event": record.name, "error": "\(error)"])
    }
  }

  private func finish(_ record: OutboxRecord, _ outcome: Result<Offset, KafkaError>) {
    switch outcome {
    case .success:
      FaultPoint.afterPublish.reach()
      count.add(1)
      published.append(record.id)
      guard markTimer?.isArmed != true else { return }
      if let markTimer { return markTimer.reset(after: Self.markInterval) }
      markTimer = Loop.schedule(after: Self.markInterval) { [weak self] in
        Loop.task { await self?.removeMarks() }
      }
    case .failure(let error):
      log.limited().warning("an event was not published; a relay will", ["event": record.name, "error": "\(error)"])
    }
  }

  private func removeMarks() async {
    guard !published.isEmpty else { return }
    let ids = published
    published = []
    do {
      try await database.query("delete from mesh_unpublished where id = any(\(ids))")
    } catch {
      // The relay publishes them once more, and consumers drop the duplicates.
      log.limited().warning("published events not marked", ["events": ids.count, "error": "\(error)"])
    }
  }

  /// Tells whoever looks after the service of an event that could not be handled.
  func announceDead(_ headers: [KafkaHeader], key: [UInt8]?, value: [UInt8], reason: String, service: String) {
    do {
      let topic = try producer.topic(MeshTopics.dead(of: service))
      try producer.send(
        to: topic, key: key, value: value, headers: headers + [KafkaHeader(Header.reason, reason)]
      ) { [log] outcome in
        if case .failure(let error) = outcome { log.warning("dead letter not delivered", ["error": "\(error)"]) }
      }
    } catch {
      log.warning("dead letter not sent", ["error": "\(error)"])
    }
  }

  // MARK: The relay

  private func relayOnTime() {
    relayTimer?.reset(after: Self.relayInterval)
    guard !isRelaying, !isClosed else { return }
    isRelaying = true
    Loop.task { [self] in
      do {
        while try await relay() == Self.relayBatch {}
      } catch {
        log.limited().warning("the relay could not look into the outbox", ["error": "\(error)"])
      }
      isRelaying = false
    }
  }

  /// Publishes what is past due; returns how many events that were.
  private func relay() async throws -> Int {
    guard !isClosed, producer.pending < Self.pendingLimit else { return 0 }
    let rows = try await database.query(
      """
      with due as (
        select id from mesh_unpublished where due_at <= now() order by id limit \(Self.relayBatch)
        for update skip locked
      ), taken as (
        update mesh_unpublished u set due_at = now() + \(Self.lease) from due where u.id = due.id
        returning u.id, u.occurred_at
      )
      select o.id, o.name, o.subject, o.version, o.payload, o.traceparent, o.occurred_at
      from taken join mesh_outbox o using (id, occurred_at) order by o.id
      """)
    for row in rows { send(try OutboxRecord(row)) }
    relayed.add(rows.count)
    return rows.count
  }

  // MARK: Partitions

  /// Makes the outbox partitions of the days around `now`, and drops those that are too old.
  func tendPartitions(now: Timestamp) async throws {
    let day = Duration.seconds(86_400)
    let today = Timestamp(microseconds: now.microseconds / 86_400_000_000 * 86_400_000_000)
    func name(_ day: Timestamp) -> String { "mesh_outbox_" + day.description.prefix(10).filter { $0 != "-" } }
    try await database.transaction { transaction in
      // Replicas that start together take turns.
      try await transaction.query(
        "select pg_advisory_xact_lock(hashtextextended('mesh_outbox ' || current_schema(), 0))")
      let partitions = try await transaction.query(
        """
        select c.relname::text from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'mesh_outbox'::regclass
        """)
      let known = Set(try partitions.map { try $0.decode(column: 0, as: String.self) })
      for begin in (-1...2).map({ today + day * $0 }) where !known.contains(name(begin)) {
        let range = SQL(trusted: "for values from ('\(begin)') to ('\(begin + day)')")
        try await transaction.query("create table \(identifier: name(begin)) partition of mesh_outbox \(range)")
      }
      for old in known where old < name(today - day * Self.partitionDays) {
        try await transaction.query("drop table \(identifier: old)")
      }
    }
  }
}

extension OutboxRecord {
  /// Reads id, name, subject, version, payload, traceparent, occurred_at.
  init(_ row: Row) throws {
    let (id, name, subject, version, payload, trace, time) = try row.decode(
      UniqueID.self, String.self, UniqueID.self, Int64.self, String.self, String?.self, Timestamp.self)
    self.init(
      id: id, name: name, subject: subject, version: version, payload: payload, traceparent: trace, occurredAt: time)
  }
}
