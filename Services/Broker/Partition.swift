import EventLoop
import Wire

/// One partition: its log, and who waits for it.
@Loop final class Partition {
  let topic: String
  let index: Int32
  let log: PartitionLog
  private(set) var isDeleted = false
  private let flush: FlushLoop
  /// Fetches that found too little here; those that have been answered meanwhile are weeded out as the list grows.
  private var fetches: [ParkedFetch] = []
  private var weedAt = 16
  /// In the order of their offsets.
  private var awaiting: [(end: Int64, then: (Bool) -> Void)] = []

  init(_ log: PartitionLog, _ flush: FlushLoop) {
    (topic, index, self.log, self.flush) = (log.topic, log.partition, log, flush)
  }

  // MARK: Writing

  /// Appends a client's batches, which may be changed in place, and wakes whoever waits for them.
  func append(_ batches: UnsafeMutableRawBufferPointer) throws(LogError) -> PartitionLog.Appended {
    let appended = try log.append(batches, now: Moment.now.unixMilliseconds)
    flush.wanted(byWaiter: false)
    wakeFetches()
    return appended
  }

  /// Appends records of the broker's own as one batch, and returns the offset after the last.
  func append(_ records: [GroupRecord], at unixMilliseconds: Int64) throws(LogError) -> Int64 {
    var builder = RecordBatchBuilder(baseTimestamp: unixMilliseconds)
    for record in records { builder.append(key: record.key, value: record.value, timestamp: unixMilliseconds) }
    var batch = builder.finish { crc32c($0) }
    return try batch.withUnsafeMutableBufferPointer { bytes throws(LogError) in
      try append(UnsafeMutableRawBufferPointer(bytes)).nextOffset
    }
  }

  /// Calls `then` with true as soon as all records before `end` are on disk, or with false when that has failed.
  func whenDurable(_ end: Int64, _ then: @escaping (Bool) -> Void) {
    if log.context.flusher.policy == .none || log.durableOffset >= end { return then(true) }
    if log.failure != nil || isDeleted { return then(false) }
    awaiting.append((end, then))
    log.isAwaited = true
    flush.wanted(byWaiter: true)
  }

  /// The disk has been asked, and has answered.
  func flushed() {
    if log.failure != nil { return giveUp() }
    let ready = awaiting.prefix { $0.end <= log.durableOffset }
    awaiting.removeFirst(ready.count)
    for waiter in ready { waiter.then(true) }
  }

  private func giveUp() {
    let failed = awaiting
    awaiting = []
    for waiter in failed { waiter.then(false) }
  }

  // MARK: Reading

  /// Remembers a fetch that waits for records of this partition.
  func park(_ fetch: ParkedFetch) {
    if fetches.count >= weedAt {
      fetches.removeAll { $0.isDone }
      weedAt = max(16, 2 * fetches.count)
    }
    fetches.append(fetch)
  }

  private func wakeFetches() {
    for fetch in fetches { fetch.wake() }
  }

  /// Calls `body` with each record from the beginning of the log, for the broker's own topics.
  func forEachRecord(_ body: (_ key: [UInt8]?, _ value: [UInt8]?) -> Void) throws(LogError) {
    try log.forEachRecord(body)
  }

  // MARK: End

  /// The topic is gone: nobody waits any longer.
  func delete() {
    isDeleted = true
    giveUp()
    wakeFetches()
    fetches = []
  }
}
