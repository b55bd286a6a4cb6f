import EventLoop

/// Lets messages leave together while much is under way, and each at once while little is.
///
/// A batch costs each process on its way wake-ups and system calls, whatever it holds; of messages that travel alone that
/// is the larger half of their cost (`mesh bench rest` shows it). A short wait for company is worth it only when company
/// comes, so while few things are under way nobody waits, which Kafka's own `linger.ms` cannot do.
///
/// **Guarantees.** Messages leave in the order in which they came, each after `longest` at the latest.
@Loop final class AdaptiveLinger {
  /// While no more than these are under way, nobody waits.
  private static let few = 8
  /// So many are company enough.
  private static let company = 16
  /// How long the first one waits, for each thing under way: a part of the time that a busy service takes for it anyway.
  private static let share = Duration.microseconds(32)
  private static let longest = Duration.microseconds(1500)

  private var waiting: [@Loop () -> Void] = []
  private var timer: LoopTimer?

  /// Calls `send` at once, or in a moment when more than a few things are `underWay` that may send too.
  func send(underWay: Int, _ send: @escaping @Loop () -> Void) {
    guard underWay > Self.few || !waiting.isEmpty else { return send() }
    waiting.append(send)
    if waiting.count == Self.company { return flush() }
    guard waiting.count == 1 else { return }
    let moment = min(Self.share * underWay, Self.longest)
    if let timer { return timer.reset(after: moment) }
    timer = Loop.schedule(after: moment) { [weak self] in self?.flush() }
  }

  /// Sends what waits.
  func flush() {
    timer?.cancel()
    let leaving = waiting
    waiting.removeAll(keepingCapacity: true)
    for send in leaving { send() }
  }
}
