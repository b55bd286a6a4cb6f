/// How often each caller may ask: token buckets in a table of fixed size.
///
/// A bucket holds as many calls as are allowed a minute, and refills evenly. All that is kept of one is the time at
/// which it will be full again (the generic cell rate algorithm of ITU-T I.371): a bucket that nobody knows is full.
///
/// The table has room for `capacity` buckets, in sets of four by hash. When a set has no room, the bucket that is next
/// to being full is forgotten, so a flood of new callers costs those who asked least.
struct RateLimiter {
  /// The answer to "may I?".
  struct Verdict: Equatable {
    /// Whether the call may go on.
    let isAllowed: Bool
    /// Calls a minute.
    let limit: Int
    /// Calls that may follow at once.
    let remaining: Int
    /// Until the bucket is full again; of a call that may not go on: until the next one may.
    let reset: Duration
  }

  private struct Bucket {
    var caller: UInt64 = 0
    /// In nanoseconds of the limiter's time.
    var fullAt: Int64 = 0
  }

  private static let ways = 4
  private static let minute: Int64 = 60_000_000_000

  private var buckets: [Bucket]
  private let setMask: UInt64

  /// Makes room for `capacity` buckets of 16 bytes, rounded up to a power of two.
  init(capacity: Int = 65_536) {
    var sets = 1
    while sets * Self.ways < capacity { sets *= 2 }
    buckets = Array(repeating: Bucket(), count: sets * Self.ways)
    setMask = UInt64(sets - 1)
  }

  /// Takes one call out of the bucket of `caller`.
  /// - Parameters:
  ///   - caller: a hash, under a seed that callers do not know, of who asks for what.
  ///   - limit: calls a minute, at least 1.
  ///   - now: time since a moment that never changes, and never before an earlier call's.
  mutating func take(_ caller: UInt64, limit: Int, now: Duration) -> Verdict {
    let now = now.nanoseconds
    let interval = Self.minute / Int64(limit)
    let index = place(of: caller)
    let fullAt = buckets[index].caller == caller ? max(buckets[index].fullAt, now) : now
    let room = now + interval * Int64(limit) - fullAt - interval
    guard room >= 0 else {
      return Verdict(isAllowed: false, limit: limit, remaining: 0, reset: .nanoseconds(-room))
    }
    buckets[index] = Bucket(caller: caller, fullAt: fullAt + interval)
    return Verdict(
      isAllowed: true, limit: limit, remaining: Int(room / interval), reset: .nanoseconds(fullAt + interval - now))
  }

  /// Where the bucket of `caller` is, or is to be.
  private func place(of caller: UInt64) -> Int {
    let first = Int(caller & setMask) * Self.ways
    var oldest = first
    for index in first..<first + Self.ways {
      if buckets[index].caller == caller { return index }
      if buckets[index].fullAt < buckets[oldest].fullAt { oldest = index }
    }
    return oldest
  }
}

extension Duration {
  /// Whole nanoseconds; for times below 292 years.
  var nanoseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
  }

  /// Whole seconds, rounded up, as headers count.
  var wholeSeconds: Int { Int((nanoseconds + 999_999_999) / 1_000_000_000) }
}
