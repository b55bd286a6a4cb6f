/// Something that has to show a sign of life, or else is told that it is overdue.
@Loop public protocol Overdue: AnyObject {
  /// Its place in the table, which the table keeps.
  var deadlineIndex: Int { get set }

  /// The time that was granted last is over.
  func overdue()
}

/// The deadlines of many things of one kind, such as connections, looked after by one timer.
///
/// Granting time is one write into a flat array, and looking at fifty thousand costs less than a tenth of a millisecond;
/// a timer for each would cost more than many connections themselves. A deadline is met within one `resolution`, never
/// early.
@Loop public final class Deadlines<Element: Overdue> {
  private struct Entry {
    let element: Element
    var deadline = UInt64.max
  }

  private let resolution: Duration
  private var entries: [Entry] = []
  private var tick: UInt64 = 0
  private var timer: LoopTimer?

  /// An empty table; it looks for what is overdue each `resolution`.
  public init(resolution: Duration) {
    self.resolution = resolution
    sweep()
  }

  /// How many there are.
  public var count: Int { entries.count }

  /// All there are.
  public var elements: [Element] { entries.map(\.element) }

  /// Takes in `element`, with all the time in the world at first.
  public func add(_ element: Element) {
    element.deadlineIndex = entries.count
    entries.append(Entry(element: element))
  }

  /// Lets go of `element`, which is in the table.
  public func remove(_ element: Element) {
    let last = entries.removeLast()
    guard last.element !== element else { return }
    entries[element.deadlineIndex] = last
    last.element.deadlineIndex = element.deadlineIndex
  }

  /// Calls `element.overdue()` after `time`, unless it is granted time anew, or removed, before.
  public func grant(_ time: Duration, to element: Element) {
    entries[element.deadlineIndex].deadline = tick + UInt64(max(0, time / resolution).rounded(.up)) + 1
  }

  /// Looks for nothing any more.
  public func stop() {
    timer?.cancel()
    timer = nil
  }

  private func sweep() {
    tick += 1
    // Backwards, because an element that is removed is replaced by the last one.
    for index in entries.indices.reversed() where index < entries.count && entries[index].deadline <= tick {
      entries[index].deadline = .max
      entries[index].element.overdue()
    }
    timer = Loop.schedule(after: resolution) { [weak self] in self?.sweep() }
  }
}
