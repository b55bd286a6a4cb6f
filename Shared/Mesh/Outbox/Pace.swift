import EventLoop

/// Lets things for which nobody waits leave together: one at once where none has left for a while, and those that come
/// soon after it when `interval` has passed.
///
/// A batch costs everybody on its way wake-ups and system calls, and Kafka's disk a flush, whatever it holds.
@Loop final class Pace<Thing> {
  private let interval: Duration
  private let leave: @Loop ([Thing]) -> Void
  private var waiting: [Thing] = []
  private var lastLeft: ContinuousClock.Instant?
  private var timer: LoopTimer?

  /// Things that wait.
  var count: Int { waiting.count }

  init(_ interval: Duration, _ leave: @escaping @Loop ([Thing]) -> Void) {
    (self.interval, self.leave) = (interval, leave)
  }

  /// Lets things leave now or in a moment, in the order in which they came.
  func add(_ things: some Sequence<Thing>) {
    waiting += things
    guard !waiting.isEmpty, timer?.isArmed != true else { return }
    let rest = lastLeft.map { $0.advanced(by: interval) - Loop.now } ?? .zero
    guard rest > .zero else { return flush() }
    if let timer { return timer.reset(after: rest) }
    timer = Loop.schedule(after: rest) { [weak self] in self?.flush() }
  }

  /// Lets what waits leave now.
  func flush() {
    timer?.cancel()
    guard !waiting.isEmpty else { return }
    let leaving = waiting
    waiting = []
    lastLeft = Loop.now
    leave(leaving)
  }
}
