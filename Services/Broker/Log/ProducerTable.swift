import Wire

/// What one partition knows of its idempotent producers: enough to tell a repeated batch from a new one (KIP-98).
///
/// Per producer the last five batches of its current epoch, as many as a client may have in flight.
struct ProducerTable: Equatable, Sendable {
  struct Batch: Equatable, Sendable {
    var firstSequence: Int32
    var lastSequence: Int32
    var baseOffset: Int64
  }

  struct Producer: Equatable, Sendable {
    var epoch: Int16
    /// The newest last; never empty.
    var batches: [Batch]
    /// When its last batch came, in milliseconds since 1970.
    var lastSeen: Int64
  }

  /// What to do with a batch.
  enum Verdict: Equatable {
    case new
    /// It is in the log already, from this offset on.
    case duplicate(baseOffset: Int64)
    case outOfOrder(expected: Int32)
    case fenced(by: Int16)
  }

  static let batchesKept = 5
  private(set) var producers: [Int64: Producer] = [:]
  let capacity: Int

  /// Remembers at most `capacity` producers.
  init(capacity: Int) {
    precondition(capacity > 0)
    self.capacity = capacity
  }

  /// Judges a batch before it is written.
  ///
  /// A producer without state may begin at any sequence, as in Kafka: retention may have removed what it wrote before.
  func judge(_ batch: RecordBatch) -> Verdict {
    guard batch.isIdempotent, let producer = producers[batch.producerID], let newest = producer.batches.last else {
      return .new
    }
    if batch.producerEpoch < producer.epoch { return .fenced(by: producer.epoch) }
    if batch.producerEpoch > producer.epoch {
      return batch.baseSequence == 0 ? .new : .outOfOrder(expected: 0)
    }
    let last = Self.sequence(batch.baseSequence, plus: batch.lastOffsetDelta)
    if let known = producer.batches.first(where: {
      $0.firstSequence == batch.baseSequence && $0.lastSequence == last
    }) {
      return .duplicate(baseOffset: known.baseOffset)
    }
    let expected = Self.sequence(newest.lastSequence, plus: 1)
    return batch.baseSequence == expected ? .new : .outOfOrder(expected: expected)
  }

  /// Notes a batch that was written; its base offset is the log's.
  mutating func note(_ batch: RecordBatch, now: Int64) {
    guard batch.isIdempotent else { return }
    let entry = Batch(
      firstSequence: batch.baseSequence, lastSequence: Self.sequence(batch.baseSequence, plus: batch.lastOffsetDelta),
      baseOffset: batch.baseOffset)
    if producers[batch.producerID]?.epoch == batch.producerEpoch {
      if producers[batch.producerID]!.batches.count == Self.batchesKept {
        producers[batch.producerID]!.batches.removeFirst()
      }
      producers[batch.producerID]!.batches.append(entry)
      producers[batch.producerID]!.lastSeen = now
    } else {
      if producers[batch.producerID] == nil, producers.count >= capacity { forgetOldest() }
      producers[batch.producerID] = Producer(epoch: batch.producerEpoch, batches: [entry], lastSeen: now)
    }
  }

  /// Forgets the producers that were last seen before `time`.
  mutating func forget(before time: Int64) {
    guard producers.contains(where: { $0.value.lastSeen < time }) else { return }
    producers = producers.filter { $0.value.lastSeen >= time }
  }

  private mutating func forgetOldest() {
    if let oldest = producers.min(by: { $0.value.lastSeen < $1.value.lastSeen }) { producers[oldest.key] = nil }
  }

  /// Sequences run from 0 to 2^31 - 1 and begin again.
  static func sequence(_ sequence: Int32, plus increment: Int32) -> Int32 {
    (sequence &+ increment) & .max
  }
}

extension ProducerTable {
  /// Appends the table to the bytes of a checkpoint.
  func encode(into bytes: inout [UInt8]) {
    bytes.append(integer: UInt32(producers.count))
    for (id, producer) in producers {
      bytes.append(integer: id)
      bytes.append(integer: producer.epoch)
      bytes.append(integer: producer.lastSeen)
      bytes.append(integer: UInt8(producer.batches.count))
      for batch in producer.batches {
        bytes.append(integer: batch.firstSequence)
        bytes.append(integer: batch.lastSequence)
        bytes.append(integer: batch.baseOffset)
      }
    }
  }

  /// Reads what ``encode(into:)`` wrote; nil when it is not that.
  init?(from reader: inout CheckpointReader, capacity: Int) {
    self.init(capacity: capacity)
    guard let count = reader.integer(UInt32.self), Int(count) <= reader.remaining / 19 else { return nil }
    for _ in 0..<count {
      guard let id = reader.integer(Int64.self), let epoch = reader.integer(Int16.self),
        let lastSeen = reader.integer(Int64.self), let batchCount = reader.integer(UInt8.self), batchCount > 0,
        Int(batchCount) <= Self.batchesKept
      else { return nil }
      var batches: [Batch] = []
      for _ in 0..<batchCount {
        guard let first = reader.integer(Int32.self), let last = reader.integer(Int32.self),
          let offset = reader.integer(Int64.self)
        else { return nil }
        batches.append(Batch(firstSequence: first, lastSequence: last, baseOffset: offset))
      }
      producers[id] = Producer(epoch: epoch, batches: batches, lastSeen: lastSeen)
    }
    while producers.count > capacity { forgetOldest() }
  }
}
