/// How long many things took: counts in buckets that are never wider than 1/64 of their value (after HdrHistogram).
///
/// Takes 30 KB, whatever is recorded; values beyond 18 minutes count as that.
public struct LatencyHistogram {
  private static let bits = 6
  private static let largest = UInt64(1) << 40
  private var counts = [Int](repeating: 0, count: (41 - bits) << bits)

  /// How many were recorded.
  public private(set) var count = 0

  /// Nothing recorded yet.
  public init() {}

  /// Records one.
  public mutating func record(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    let nanoseconds = seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    counts[Self.bucket(of: min(UInt64(max(0, nanoseconds)), Self.largest - 1))] += 1
    count += 1
  }

  private static func bucket(of value: UInt64) -> Int {
    let shift = max(0, 63 - value.leadingZeroBitCount - bits)
    return shift << bits + Int(value >> UInt64(shift))
  }

  private static func middle(of bucket: Int) -> Double {
    let shift = max(0, bucket >> bits - 1)
    let low = (bucket - shift << bits) << shift
    return Double(low) + Double(1 << shift) / 2
  }

  /// The time within which a share of all was done, in milliseconds.
  public func milliseconds(_ share: Double) -> Double {
    var left = Int((Double(count) * share).rounded(.up))
    for (bucket, count) in counts.enumerated() {
      left -= count
      if left <= 0 { return Self.middle(of: bucket) / 1e6 }
    }
    return 0
  }

  /// Median and 99th percentile, for people.
  public var summary: String {
    "p50 \(Report.format(milliseconds(0.5))) ms, p99 \(Report.format(milliseconds(0.99))) ms"
  }
}
