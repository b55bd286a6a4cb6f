import EventLoop
import Glibc
import Telemetry

/// Everything that more than one thread may touch, touched by many threads at once. ThreadSanitizer watches; what can be
/// counted is counted too.
@Loop struct Races {
  private nonisolated static let threads = 8
  private nonisolated static let rounds = 2000

  /// Something that went otherwise than it must.
  struct Failure: Error {
    let what: String
  }

  func run() async throws {
    try await tasksFromManyThreads()
    try await work(on: BackgroundPool(threads: Self.threads, limit: .max))
    try await poolsThatComeAndGo()
    try await promisesThatAreCancelled()
    try await signals()
    try await metrics()
    try await logs()
  }

  private func check(_ what: String, _ isSo: Bool) throws {
    if !isSo { throw Failure(what: what) }
  }

  /// Runs `body` on several threads at the same time, outside of the loop.
  private func onManyThreads(_ body: @escaping @Sendable (Int) -> Void) async throws {
    let pool = BackgroundPool(threads: Self.threads)
    let tasks = (0..<Self.threads).map { number in Task { @Loop in try await pool.run { body(number) } } }
    for task in tasks { try await task.value }
    pool.stop()
  }

  @Loop private final class Count {
    var value = 0
    let target: Int
    let reached = Promise<Void>()

    init(to target: Int) { self.target = target }

    func add() {
      value += 1
      if value == target { reached.fulfil(()) }
    }
  }

  private func tasksFromManyThreads() async throws {
    let count = Count(to: 2 * Self.threads * Self.rounds)
    try await onManyThreads { _ in
      for _ in 0..<Self.rounds {
        Loop.task { count.add() }
        Task { await count.add() }
      }
    }
    try await count.reached.value
  }

  private func work(on pool: BackgroundPool) async throws {
    let tasks = (0..<Self.rounds).map { number in Task { @Loop in try await pool.run { [number].reduce(0, +) } } }
    var sum = 0
    for task in tasks { sum += try await task.value }
    pool.stop()
    try check("background work returns what it was given", sum == Self.rounds * (Self.rounds - 1) / 2)
  }

  private func poolsThatComeAndGo() async throws {
    for round in 0..<50 {
      let pool = BackgroundPool(threads: 3)
      async let first = pool.run { round }
      async let second = pool.run { round }
      let sum = try await first + second
      pool.stop()
      try check("a pool does what it was given", sum == 2 * round)
    }
  }

  private func promisesThatAreCancelled() async throws {
    var kept = 0
    for round in 0..<Self.rounds {
      let promise = Promise<Int>()
      let waiting = Task { @Loop in try? await promise.value }
      let other = Task.detached { round % 2 == 0 ? waiting.cancel() : await promise.fulfil(round) }
      if await waiting.value != nil { kept += 1 }
      await other.value
    }
    try check("a promise is kept or given up", kept == Self.rounds / 2)
  }

  private func signals() async throws {
    let wakeup = Wakeup()
    let woken = Promise<Void>()
    let watch = Watch(wakeup.descriptor) { _ in
      wakeup.clear()
      woken.fulfil(())
    }
    watch.interest = .readable
    try await onManyThreads { _ in
      for _ in 0..<Self.rounds { wakeup.signal() }
    }
    try await woken.value
    watch.cancel()
  }

  private func metrics() async throws {
    let metrics = Metrics()
    try await onManyThreads { thread in
      for round in 0..<Self.rounds {
        metrics.counter("races_total", "All.").add(1)
        metrics.counter("races_by_round_total", "Some.", ["round": "\(round % 20)"]).add(1)
        metrics.gauge("races_now", "One.").set(round)
        metrics.histogram("races_seconds", "Each.").observe(.microseconds(round))
        if round % 100 == thread { _ = metrics.render() }
      }
    }
    let text = String(decoding: metrics.render(), as: UTF8.self)
    try check("every count counts", text.contains("races_total \(Self.threads * Self.rounds)\n"))
    try check(
      "every observation counts", text.contains("races_seconds_count \(Self.threads * Self.rounds)\n"))
  }

  private func logs() async throws {
    let log = Log(service: "races", options: LogOptions())
    try await onManyThreads { thread in
      for round in 0..<200 {
        log.debug("unseen", ["round": round])
        log.limited().info("seen now and then", ["thread": thread])
      }
    }
  }

  /// What ThreadSanitizer must complain of: threads that count in one place without a lock.
  static func race() async throws {
    final class Unguarded: @unchecked Sendable {
      var value = 0
      let start = UnsafeMutablePointer<pthread_barrier_t>.allocate(capacity: 1)
    }
    let unguarded = Unguarded()
    pthread_barrier_init(unguarded.start, nil, UInt32(threads))
    try await Races().onManyThreads { _ in
      // Behind this nothing puts the threads in order.
      pthread_barrier_wait(unguarded.start)
      for _ in 0..<rounds { unguarded.value += 1 }
    }
    print(unguarded.value)
  }
}
