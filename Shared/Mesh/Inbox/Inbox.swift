import Contract
import EventLoop
import Kafka
import Postgres
import Telemetry

/// Handles the events of other services: each takes effect exactly once, in order for each aggregate.
///
/// **Overview.** For each aggregate of each source one row holds the last version that took effect. An event at or below it
/// is a duplicate and dropped; the next one is handled and the row moves on, in one transaction; one beyond it came early
/// and is parked. After an event has taken effect, those parked behind it follow.
///
/// **Failures.** Troubles of the database are waited out. An event that its handler cannot cope with is tried a few times,
/// then parked with the reason and announced on the service's dead-letter topic. Its aggregate's later events queue up
/// behind it in the same table; all others go on. Taking the reason away (`redrive`) tries again, in order.
///
/// **Why it holds.** The offset goes on only when an event has taken effect, was dropped or is parked. The row's lock, or
/// its primary key when there is none yet, lets one replica at a time move an aggregate on.
@Loop final class Inbox {
  /// What the service does about an event.
  typealias Handler = @Loop (OutboxRecord, Tx) async throws -> Void

  private static let attempts = 4
  private static let timeout = Duration.seconds(10)
  private static let sweepInterval = Duration.seconds(2)
  private static let limit = 64

  private let service: String
  private let transactor: Transactor
  private let publisher: Publisher
  private let bystander: Bystander
  private let log: Log
  private var consumer: OrderedConsumer!
  private var handlers: [String: Handler] = [:]
  private var sources: Set<String> = []
  private var sweepTimer: LoopTimer?
  private var isSweeping = false
  private var isStopping = false
  private let applied: Counter
  private let dropped: Counter
  private let early: Counter
  private let poisoned: Counter

  init(service: String, _ transactor: Transactor, _ publisher: Publisher, log: Log, metrics: Metrics) {
    (self.service, self.transactor, self.publisher, self.log) = (service, transactor, publisher, log)
    bystander = Bystander(transactor.database, log: log)
    applied = metrics.counter("mesh_events_applied_total", "Events that took effect.")
    dropped = metrics.counter("mesh_events_dropped_total", "Events that had taken effect before.")
    early = metrics.counter("mesh_events_early_total", "Events parked to wait for an earlier one.")
    poisoned = metrics.counter("mesh_events_dead_total", "Events parked since their handler failed.")
    consumer = OrderedConsumer(group: "\(service).events", limit: Self.limit, log: log, metrics: metrics) {
      [unowned self] message throws(OrderedConsumer.Unfinished) in try await take(message)
    }
  }

  /// Says what to do about the events called `name`. Before `start`. Events of the same source without a handler only
  /// move their aggregate on.
  func add(_ name: String, source: String, _ handler: @escaping Handler) {
    precondition(handlers[name] == nil, "\(name) is handled twice")
    handlers[name] = handler
    sources.insert(source)
  }

  /// The services whose events are handled.
  var heardSources: Set<String> { sources }

  /// Begins to handle events, if any are to be handled.
  func start(_ kafka: KafkaConfiguration, instance: String?) throws {
    guard !sources.isEmpty else { return }
    try consumer.start(kafka, topics: sources.sorted().map { MeshTopics.events(of: $0) }, instance: instance)
    sweepTimer = Loop.schedule(after: Self.sweepInterval) { [weak self] in self?.sweepOnTime() }
  }

  /// Whether the group has given this replica a share of the events.
  var isReady: Bool { sources.isEmpty || consumer.hasJoined }

  /// Called when no more events can be read.
  var failedForGood: (@Loop (KafkaError) -> Void)? {
    get { consumer.failedForGood }
    set { consumer.failedForGood = newValue }
  }

  /// Takes no more events, lets those under way end.
  func stop(within limit: Duration) async {
    isStopping = true
    sweepTimer?.cancel()
    bystander.close()
    await consumer.stop(within: limit)
  }

  // MARK: One event

  private func take(_ message: KafkaMessage) async throws(OrderedConsumer.Unfinished) -> OrderedConsumer.Rest? {
    guard let mark = CloudEvent.readMark(message) else {
      announceMalformed(message)
      return nil
    }
    guard handlers[mark.name] == nil else {
      await bystander.settle(mark.subject, of: mark.source)
      try await handle(message)
      return nil
    }
    let passage = bystander.pass(mark.subject, of: mark.source, version: mark.version)
    let rest: OrderedConsumer.Rest = { [self] () throws(OrderedConsumer.Unfinished) in
      let hasPassed: Bool
      do { hasPassed = try await passage.value } catch { throw OrderedConsumer.Unfinished() }
      if hasPassed { applied.add(1) } else { try await handle(message) }
    }
    guard bystander.isFull else { return rest }
    try await rest()
    return nil
  }

  private func handle(_ message: KafkaMessage) async throws(OrderedConsumer.Unfinished) {
    guard let record = CloudEvent.read(message) else { return announceMalformed(message) }
    try await settle(record) { try await self.advance(record) }
  }

  private func announceMalformed(_ message: KafkaMessage) {
    poisoned.add(1)
    publisher.announceDead(
      message.allHeaders, key: message.key, value: message.value ?? [], reason: "not an event of the mesh",
      service: service)
  }

  /// Repeats `step` until it succeeds or `record` is parked. Throws when the process ends before that.
  private func settle(
    _ record: OutboxRecord, _ step: @Loop () async throws -> Void
  ) async throws(OrderedConsumer.Unfinished) {
    var attempt = 0
    var pause = Duration.milliseconds(20)
    while !isStopping {
      do {
        return try await step()
      } catch let error as PostgresError where error.passes || Self.isRace(error) {
        log.limited().warning("an event waits for the database", ["event": record.name, "error": "\(error)"])
      } catch {
        attempt += 1
        if attempt == Self.attempts {
          // Parking waits for the database like anything else.
          return try await settle(record) { try await self.bury(record, reason: "\(error)", attempts: attempt) }
        }
      }
      try? await Loop.sleep(for: pause)
      pause = min(pause * 2, .seconds(1))
    }
    throw OrderedConsumer.Unfinished()
  }

  /// Two replicas began the same aggregate at the same time, and the other was faster.
  private static func isRace(_ error: PostgresError) -> Bool {
    error.state == .uniqueViolation && (error.table == "mesh_inbox" || error.table == "mesh_parked")
  }

  /// Does with an event what its version asks for.
  private func advance(_ record: OutboxRecord) async throws {
    let mayFollow = try await transactor.run(now: .now, timeout: Self.timeout) { transaction, tx in
      let place = try await InboxPlace.lock(record, in: transaction)
      switch place.verdict(on: record.version) {
      case .drop:
        dropped.add(1)
        return false
      case .park:
        early.add(1)
        transaction.send(InboxStatements.park(record, reason: nil, attempts: 0))
        transaction.send(place.statement(for: record, version: place.version, hasParked: true))
        return false
      case .apply:
        try await apply(record, tx)
        transaction.send(place.statement(for: record, version: record.version, hasParked: place.hasParked))
        // A copy of it may have come too early before.
        if place.hasParked { transaction.send(InboxStatements.forget(record)) }
        return place.hasParked
      }
    }
    FaultPoint.afterEffect.reach()
    if mayFollow { await resume(source: record.source, subject: record.subject) }
  }

  private func apply(_ record: OutboxRecord, _ tx: Tx) async throws {
    if let handler = handlers[record.name] {
      let trace = record.traceparent.flatMap { TraceContext(traceparent: $0.utf8) }?.child()
      let began = ContinuousClock.now
      try await TraceContext.$current.withValue(trace ?? .root(isSampled: false)) {
        try await handler(record, tx)
      }
      log.span(.event, record.name, of: trace, took: .now - began, ["id": record.id, "version": record.version])
    }
    applied.add(1)
  }

  /// Parks an event that its handler cannot cope with, and announces it.
  private func bury(_ record: OutboxRecord, reason: String, attempts: Int) async throws {
    let isBuried = try await transactor.run(now: .now, timeout: Self.timeout) { transaction, _ in
      let place = try await InboxPlace.lock(record, in: transaction)
      guard record.version > place.version else { return false }
      transaction.send(InboxStatements.park(record, reason: reason, attempts: attempts))
      transaction.send(place.statement(for: record, version: place.version, hasParked: true))
      return true
    }
    guard isBuried else { return }
    poisoned.add(1)
    log.error(
      "an event is parked",
      ["event": record.name, "id": "\(record.id)", "subject": "\(record.subject)", "reason": reason]
    )
    publisher.announceDead(
      CloudEvent.headers(record), key: Array(record.subject.description.utf8), value: Array(record.payload.utf8),
      reason: reason, service: service)
  }

  // MARK: Parked events

  /// Lets the parked events of an aggregate follow, as far as they go without a gap and none of them fails.
  private func resume(source: String, subject: UniqueID) async {
    var goesOn = true
    while goesOn, !isStopping {
      var current: OutboxRecord?
      do {
        goesOn = try await transactor.run(now: .now, timeout: Self.timeout) { transaction, tx in
          let rows = try await transaction.query(InboxStatements.nextParked(source: source, subject: subject))
          guard let row = rows.first else {
            transaction.send(InboxStatements.noteEmpty(source: source, subject: subject))
            return false
          }
          let record = try OutboxRecord(row)
          current = record
          try await apply(record, tx)
          transaction.send(InboxStatements.unpark(record))
          return true
        }
      } catch let error as PostgresError where error.passes {
        // The sweep comes back to it.
        return
      } catch {
        guard let current else { return }
        // It is parked already; when the process ends first, the sweep of another comes to it.
        try? await settle(current) { try await self.bury(current, reason: "\(error)", attempts: 1) }
        return
      }
    }
  }

  private func sweepOnTime() {
    sweepTimer?.reset(after: Self.sweepInterval)
    guard !isSweeping, !isStopping else { return }
    isSweeping = true
    Loop.task { [self] in
      await sweep()
      isSweeping = false
    }
  }

  /// Goes on with aggregates whose next event is parked without a reason: after a redrive, or a crash.
  private func sweep() async {
    do {
      for row in try await transactor.database.query(InboxStatements.resumable) {
        let (source, subject) = try row.decode(String.self, UniqueID.self)
        await resume(source: source, subject: subject)
      }
    } catch {
      log.limited().warning("parked events not looked at", ["error": "\(error)"])
    }
  }
}
