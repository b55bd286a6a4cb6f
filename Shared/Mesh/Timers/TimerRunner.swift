import Contract
import EventLoop
import Postgres
import Telemetry

/// Fires durable timers when they are due, on whichever replica takes them first.
///
/// **Overview.** A replica that finds timers due locks a batch of them, passing over those that others have locked, runs
/// their handlers, deletes them and commits: a timer is gone exactly when its effect is there. It sleeps until the next one
/// it knows of, and looks at least once a second for those that others set.
///
/// **Failures.** When a batch fails, its timers are fired one by one. One that fails alone is tried again later, less and
/// less often; in the end it stays in its table with the reason, and is announced on the dead-letter topic. Taking the
/// reason and the attempts away (`mesh dead redrive`) has it fire again.
@Loop final class TimerRunner {
  /// What the service does when a timer fires, given its payload.
  typealias Handler = @Loop ([UInt8], Tx) async throws -> Void

  private static let batch = 100
  private static let interval = Duration.seconds(1)
  private static let timeout = Duration.seconds(10)
  private static let attempts = 10
  /// Batches that one replica fires side by side.
  private static let parallel = 3

  private struct Due: Sendable {
    let name: String
    let key: String
    let payload: String
    let traceparent: String?
    let attempts: Int32
  }

  private let service: String
  private let transactor: Transactor
  private let publisher: Publisher
  private let log: Log
  private var handlers: [String: Handler] = [:]
  private var wake: LoopTimer?
  private var wakesAt = Timestamp(microseconds: .max)
  private var running = 0
  private var isStopping = false
  private var rested: Promise<Void>?
  private let fired: Counter
  private let failed: Counter
  private let delay: Histogram

  init(service: String, _ transactor: Transactor, _ publisher: Publisher, log: Log, metrics: Metrics) {
    (self.service, self.transactor, self.publisher, self.log) = (service, transactor, publisher, log)
    fired = metrics.counter("mesh_timers_fired_total", "Timers whose effect is committed.")
    failed = metrics.counter("mesh_timers_dead_total", "Timers given up.")
    delay = metrics.histogram("mesh_timer_delay_seconds", "From a timer's due time to the commit of its effect.")
  }

  /// Says what happens when the timers called `name` fire. Before `start`.
  func add(_ name: String, _ handler: @escaping Handler) {
    precondition(handlers[name] == nil, "timer \(name) is fired twice")
    handlers[name] = handler
  }

  /// Begins to fire timers, if the service has any.
  func start() {
    guard !handlers.isEmpty else { return }
    transactor.timerSet = { [weak self] in self?.expect($0) }
    wake = Loop.schedule(after: .zero) { [weak self] in self?.lookOnTime() }
  }

  /// Fires no more timers; returns when what is under way has ended.
  func stop(within limit: Duration) async {
    isStopping = true
    wake?.cancel()
    guard running > 0 else { return }
    let promise = Promise<Void>()
    rested = promise
    let timer = Loop.schedule(after: limit) { promise.fulfil(()) }
    try? await promise.value
    timer.cancel()
  }

  /// Wakes no later than `time`.
  private func expect(_ time: Timestamp) {
    guard time < wakesAt, let wake, !isStopping else { return }
    wakesAt = time
    wake.reset(after: max(.zero, min(Self.interval, time - .now)))
  }

  private func lookOnTime() {
    guard !isStopping else { return }
    wakesAt = .now + Self.interval
    wake?.reset(after: Self.interval)
    for _ in running..<Self.parallel { look() }
  }

  private func look() {
    running += 1
    Loop.task { [self] in
      do {
        while !isStopping, try await fireBatch() == Self.batch {}
        if running == 1, !isStopping, let next = try await nextDue() { expect(next) }
      } catch let error as PostgresError where error.passes {
        log.limited().warning("timers wait for the database", ["error": "\(error)"])
      } catch {
        await fireOneByOne()
      }
      running -= 1
      if running == 0 { rested?.fulfil(()) }
    }
  }

  private func nextDue() async throws -> Timestamp? {
    let rows = try await transactor.database.query(
      "select min(due_at) from mesh_timers where reason is null and name = any(\(Array(handlers.keys)))")
    return try rows.first?.decode(column: 0, as: Timestamp?.self) ?? nil
  }

  /// Fires what is due in one transaction; returns how many timers that were.
  private func fireBatch(limit: Int = TimerRunner.batch) async throws -> Int {
    var dues: [Timestamp] = []
    try await transactor.run(now: .now, timeout: Self.timeout) { transaction, tx in
      let rows = try await transaction.query(dueTimers(limit: limit))
      for row in rows {
        try await fire(Self.due(row), tx)
        dues.append(try row.decode("due_at"))
      }
      if !rows.isEmpty { FaultPoint.beforeTimerCommit.reach() }
    }
    let now = Timestamp.now
    for due in dues { delay.observe(now - due) }
    fired.add(dues.count)
    return dues.count
  }

  private func dueTimers(limit: Int) -> SQL {
    """
    with due as materialized (
      select name, key from mesh_timers
      where due_at <= now() and reason is null and name = any(\(Array(handlers.keys)))
      order by due_at limit \(limit) for update skip locked
    )
    delete from mesh_timers t using due where t.name = due.name and t.key = due.key
    returning t.name, t.key, t.payload, t.traceparent, t.attempts, t.due_at
    """
  }

  private static func due(_ row: Row) throws -> Due {
    let (name, key, payload, trace, attempts) = try row.decode(
      String.self, String.self, String.self, String?.self, Int32.self)
    return Due(name: name, key: key, payload: payload, traceparent: trace, attempts: attempts)
  }

  private func fire(_ due: Due, _ tx: Tx) async throws {
    guard let handler = handlers[due.name] else { return }
    let trace = due.traceparent.flatMap { TraceContext(traceparent: $0.utf8) }?.child()
    let began = ContinuousClock.now
    try await TraceContext.$current.withValue(trace ?? .root(isSampled: false)) {
      try await handler(Array(due.payload.utf8), tx)
    }
    log.span(.timer, due.name, of: trace, took: .now - began, ["attempts": due.attempts + 1])
  }

  // MARK: Failures

  /// After a batch has failed: finds out which of its timers is at fault, and puts that off.
  private func fireOneByOne() async {
    for _ in 0..<Self.batch where !isStopping {
      var current: Due?
      do {
        let isThere = try await transactor.run(now: .now, timeout: Self.timeout) { transaction, tx in
          guard let row = try await transaction.query(dueTimers(limit: 1)).first else { return false }
          let due = try Self.due(row)
          current = due
          try await fire(due, tx)
          return true
        }
        guard isThere else { return }
        fired.add(1)
      } catch let error as PostgresError where error.passes {
        return
      } catch {
        guard let current else { return }
        await putOff(current, "\(error)")
      }
    }
  }

  private func putOff(_ due: Due, _ reason: String) async {
    let attempts = due.attempts + 1
    let isOver = attempts >= Self.attempts
    // One that is given up is due when it failed: that is what operators are shown.
    let pause = isOver ? .zero : Duration.seconds(1 << min(attempts, 12))
    do {
      try await transactor.database.query(
        """
        update mesh_timers set attempts = \(attempts), due_at = now() + \(pause), reason = \(isOver ? reason : nil)
        where name = \(due.name) and key = \(due.key) and attempts = \(due.attempts)
        """)
    } catch {
      return log.limited().warning("a failed timer was not put off", ["timer": due.name, "error": "\(error)"])
    }
    log.error("a timer failed", ["timer": due.name, "key": due.key, "attempts": attempts, "reason": reason])
    guard isOver else { return }
    failed.add(1)
    publisher.announceDead(
      [], key: Array("\(due.name) \(due.key)".utf8), value: Array(due.payload.utf8), reason: reason, service: service)
  }
}
