import Synchronization

/// How observed values are distributed over buckets whose bounds double. Any thread may observe.
public final class Histogram: Series, @unchecked Sendable {  // the cells are atomics at an address that never changes
  private let buckets: Buckets
  /// One per bucket, and a last one for what is above them all.
  private let cells: UnsafeMutablePointer<Atomic<Int>>
  private let sum = Atomic<Int>(0)
  /// The bounds as labels, written out once since scrapes recur.
  private let bounds: [String]

  init(_ buckets: Buckets) {
    self.buckets = buckets
    bounds = (0..<buckets.count).map { Exposition.labels([("le", buckets.text(buckets.first << $0))]) }
    cells = .allocate(capacity: buckets.count + 1)
    for index in 0...buckets.count { (cells + index).initialize(to: Atomic(0)) }
  }

  deinit {
    cells.deinitialize(count: buckets.count + 1)
    cells.deallocate()
  }

  /// Counts a duration, for buckets of durations.
  public func observe(_ duration: Duration) {
    assert(buckets.unit == .nanoseconds, "these buckets are not of durations")
    record(duration.nanosecondsClamped)
  }

  /// Counts an amount, for buckets of amounts.
  public func observe(_ amount: Int) {
    assert(buckets.unit == .ones, "these buckets are of durations")
    record(amount)
  }

  /// How many values were observed.
  public var count: Int { (0...buckets.count).reduce(0) { $0 + cells[$1].load(ordering: .relaxed) } }

  private func record(_ value: Int) {
    let value = max(0, value)
    cells[buckets.index(of: value)].wrappingAdd(1, ordering: .relaxed)
    sum.wrappingAdd(value, ordering: .relaxed)
  }

  func write(_ name: String, _ labels: String, _ page: inout Exposition) {
    var total = 0
    for index in 0..<buckets.count {
      total += cells[index].load(ordering: .relaxed)
      page.sample("\(name)_bucket", Exposition.join(labels, bounds[index]), total.description)
    }
    total += cells[buckets.count].load(ordering: .relaxed)
    page.sample("\(name)_bucket", Exposition.join(labels, #"le="+Inf""#), total.description)
    page.sample("\(name)_sum", labels, buckets.text(sum.load(ordering: .relaxed)))
    page.sample("\(name)_count", labels, total.description)
  }
}

/// The bounds of a histogram: `count` of them, each twice the one before.
public struct Buckets: Sendable {
  enum Unit { case ones, nanoseconds }

  let unit: Unit
  let first: Int
  let count: Int

  /// Bounds for durations; by default 50 µs, 100 µs, … 52 s. Shown in seconds.
  public static func durations(from first: Duration = .microseconds(50), count: Int = 21) -> Buckets {
    Buckets(.nanoseconds, first.nanosecondsClamped, count)
  }

  /// Bounds for amounts: bytes, records, attempts.
  public static func amounts(from first: Int, count: Int) -> Buckets { Buckets(.ones, first, count) }

  private init(_ unit: Unit, _ first: Int, _ count: Int) {
    precondition(first > 0 && (1...40).contains(count), "a histogram has 1 to 40 buckets above 0")
    precondition(first <= Int.max >> count, "the last bucket is too large")
    self.unit = unit
    self.first = first
    self.count = count
  }

  /// The bucket whose bound is the first not below `value`; `count` if all are.
  func index(of value: Int) -> Int {
    let times = max(0, value - 1) / first  // 0 up to the first bound, 1 up to twice it, 2 and 3 up to four times it, …
    return min(count, Int.bitWidth - times.leadingZeroBitCount)
  }

  /// `value` in the unit that is shown.
  func text(_ value: Int) -> String {
    unit == .ones ? value.description : Exposition.number(Double(value) / 1_000_000_000)
  }
}
