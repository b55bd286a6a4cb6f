import Synchronization

/// A value that goes up and down: a queue's length, the time of the last success. Any thread may set it.
public final class Gauge: Series {
  private let bits = Atomic<UInt64>(0)

  init() {}

  /// Replaces the value.
  public func set(_ value: Double) { bits.store(value.bitPattern, ordering: .relaxed) }

  /// Replaces the value.
  public func set(_ value: Int) { set(Double(value)) }

  /// Adds `amount`, which may be negative.
  public func add(_ amount: Int) {
    var old = bits.load(ordering: .relaxed)
    while true {
      let new = (Double(bitPattern: old) + Double(amount)).bitPattern
      let (exchanged, original) = bits.weakCompareExchange(expected: old, desired: new, ordering: .relaxed)
      if exchanged { return }
      old = original
    }
  }

  /// The value now.
  public var value: Double { Double(bitPattern: bits.load(ordering: .relaxed)) }

  func write(_ name: String, _ labels: String, _ page: inout Exposition) {
    page.sample(name, labels, Exposition.number(value))
  }
}
