/// How far a group has come in one partition.
struct CommittedOffset: Equatable, Sendable {
  /// The next record to read.
  var offset: Int64
  /// -1: unknown.
  var leaderEpoch: Int32
  /// The consumer's own note.
  var metadata: String
  /// Wall clock, in milliseconds since 1970.
  var committedAt: Int64
}

/// A partition of a topic.
struct OffsetKey: Hashable, Sendable {
  let topic: String
  let partition: Int32
}

/// The offsets one group has committed.
struct GroupOffsets: Sendable {
  private var topics: [String: [Int32: CommittedOffset]] = [:]

  var isEmpty: Bool { topics.isEmpty }

  /// The offset of one partition; nil if there is none, or to remove it.
  subscript(key: OffsetKey) -> CommittedOffset? {
    get { topics[key.topic]?[key.partition] }
    set {
      topics[key.topic, default: [:]][key.partition] = newValue
      if topics[key.topic]?.isEmpty == true { topics[key.topic] = nil }
    }
  }

  /// All offsets, ordered by topic and partition.
  var all: [(key: OffsetKey, value: CommittedOffset)] {
    topics.sorted { $0.key < $1.key }.flatMap { topic, partitions in
      partitions.sorted { $0.key < $1.key }.map { (OffsetKey(topic: topic, partition: $0.key), $0.value) }
    }
  }

  /// The partitions whose offset has outlived the retention (KIP-211), in order.
  ///
  /// It runs from the last commit or, in a group that had members, from when the last of them left if that was later.
  func expired(at unixMilliseconds: Int64, after retention: Duration, emptySince: Int64?) -> [OffsetKey] {
    let milliseconds = retention.components.seconds * 1_000 + retention.components.attoseconds / 1_000_000_000_000_000
    return all.filter { entry in
      let since = max(entry.value.committedAt, emptySince ?? .min)
      // A wall clock that went back, or a damaged time stamp, must not overflow.
      let (age, overflow) = unixMilliseconds.subtractingReportingOverflow(since)
      return overflow ? since < 0 : age >= milliseconds
    }.map(\.key)
  }

  func keys(ofTopic topic: String) -> [OffsetKey] {
    (topics[topic] ?? [:]).keys.sorted().map { OffsetKey(topic: topic, partition: $0) }
  }
}
