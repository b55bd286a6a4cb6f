import Synchronization

/// A count that only grows until the process ends. Any thread may add.
public final class Counter: Series {
  private let count = Atomic<Int>(0)

  init() {}

  /// Adds `amount`, which is not negative.
  public func add(_ amount: Int) {
    assert(amount >= 0, "a counter only grows")
    count.wrappingAdd(amount, ordering: .relaxed)
  }

  /// The count so far.
  public var value: Int { count.load(ordering: .relaxed) }

  func write(_ name: String, _ labels: String, _ page: inout Exposition) {
    page.sample(name, labels, value.description)
  }
}
