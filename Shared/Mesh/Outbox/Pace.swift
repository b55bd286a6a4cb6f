import EventLoop

/// Lets things for which hardly anybody waits leave together: each at once while they are few, and those that come behind
/// `burst` departures together, once in `interval`.
///
/// A batch costs everybody on its way wake-ups and system calls, and Kafka's disk a flush, whatever it holds. Departures are
/// counted as a token bucket does: one more is free after each `interval`, and `burst` at the most.
@Loop final class Pace<Thing> {
  private let interval: Duration
  private let burst: Double
  private let leave: @Loop ([Thing]) -> Void
  private var waiting: [Thing] = []
  private var free: Double
  private var countedAt = Loop.now
  private var timer: LoopTimer?

  /// Things that wait.
  var count: Int { waiting.count }

  init(_ interval: Duration, burst: Int, _ leave: @escaping @Loop ([Thing]) -> Void) {
    (self.interval, self.burst, self.leave) = (interval, Double(burst), leave)
    free = Double(burst)
  }

  /// Lets things leave now or in a moment, in the order in which they came.
  func add(_ things: some Sequence<Thing>) {
    waiting += things
    guard !waiting.isEmpty, timer?.isArmed != true else { return }
    count(departures: 0)
    guard free < 1 else { return flush() }
    let rest = interval * (1 - free)
    if let timer { return timer.reset(after: rest) }
    timer = Loop.schedule(after: rest) { [weak self] in self?.flush() }
  }

  /// Lets what waits leave now.
  func flush() {
    timer?.cancel()
    guard !waiting.isEmpty else { return }
    count(departures: 1)
    let leaving = waiting
    waiting = []
    leave(leaving)
  }

  private func count(departures: Double) {
    free = min(burst, free + countedAt.duration(to: Loop.now) / interval) - departures
    countedAt = Loop.now
  }
}
