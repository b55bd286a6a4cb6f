import Wire

/// The log of one partition: batches at ascending offsets in segments, the last of which is appended to.
///
/// Invariants: offsets are assigned once and never again, even after damage; a reader sees whole batches only; what
/// ``durableOffset`` covers was synced together with the names that lead to it. Confined to the broker's loop; no call
/// here waits for the disk.
final class PartitionLog {
  let topic: String
  let partition: Int32
  let directory: String
  let context: LogContext
  var config: TopicConfig

  /// Ascending; the last one is active; never empty.
  var segments: [Segment]
  var recent = RecentBatches()
  var producers: ProducerTable
  /// Segments with bytes or names that are not known to be on disk.
  var dirty: [Segment] = []
  /// Whether the ``Flusher`` knows of them.
  var isQueued = false
  /// Whether somebody waits until they are on disk.
  var isAwaited = false
  /// Why nothing is appended any more until a restart.
  var failure: LogError?
  /// All records below are on disk.
  var durableOffset: Int64
  /// Sealed segments that end here or before were compacted; not remembered over a restart.
  var compactedUpTo: Int64 = 0
  /// After a failed compaction, when to try again, in milliseconds since 1970.
  var compactionRetryAt: Int64 = 0

  /// What ``append(_:now:)`` did.
  struct Appended: Equatable {
    /// Offset of the first record.
    var baseOffset: Int64
    /// The offset after the last record: on disk once ``PartitionLog/durableOffset`` has reached it.
    var nextOffset: Int64
    var logStartOffset: Int64
    /// Whether the batch was there already and nothing was written.
    var isDuplicate: Bool
  }

  /// A log whose segments were found by ``open(topic:partition:directory:config:context:verifying:now:)``.
  init(
    topic: String, partition: Int32, directory: String, config: TopicConfig, context: LogContext,
    segments: [Segment], producers: ProducerTable, durableOffset: Int64
  ) {
    precondition(!segments.isEmpty)
    self.topic = topic
    self.partition = partition
    self.directory = directory
    self.config = config
    self.context = context
    self.segments = segments
    self.producers = producers
    self.durableOffset = durableOffset
    context.metrics.segments += segments.count
  }

  var active: Segment { segments[segments.count - 1] }
  /// The first offset that may still be read.
  var logStartOffset: Int64 { segments[0].baseOffset }
  /// The offset that the next record gets; with one replica it is the high watermark.
  var endOffset: Int64 { active.nextOffset }
  /// Bytes in all segments.
  var size: Int { segments.reduce(0) { $0 + $1.size } }

  // MARK: Append

  /// Checks batches of a client, gives them their offsets (in `bytes`) and writes them.
  ///
  /// They can be read at once and are durable after a flush. A batch of an idempotent producer that was written
  /// before is not written again. `now` is in milliseconds since 1970.
  ///
  /// - Throws: ``LogError`` when a batch is refused or the disk does not take it; nothing is written then.
  func append(_ bytes: UnsafeMutableRawBufferPointer, now: Int64) throws(LogError) -> Appended {
    if let failure { throw failure }
    let checked = try check(UnsafeRawBufferPointer(bytes))
    if let baseOffset = checked.duplicateOf {
      context.metrics.duplicateBatches += 1
      return Appended(
        baseOffset: baseOffset, nextOffset: baseOffset + checked.offsets, logStartOffset: logStartOffset,
        isDuplicate: true)
    }
    let baseOffset = endOffset
    try write(bytes, offsets: checked.offsets, now: now)
    markDirty(active, evenUnforced: false)
    return Appended(
      baseOffset: baseOffset, nextOffset: endOffset, logStartOffset: logStartOffset, isDuplicate: false)
  }

  /// Assigns the offsets and writes; the batches were checked.
  private func write(_ bytes: UnsafeMutableRawBufferPointer, offsets: Int64, now: Int64) throws(LogError) {
    do throws(LogError) {
      if !active.fits(bytes: bytes.count, offsets: offsets, limit: config.segmentBytes) || isActiveAged(now: now) {
        try roll()
      }
      var next = endOffset
      var cursor = RecordBatchCursor(UnsafeRawBufferPointer(bytes))
      while let (batch, range) = try Self.step(&cursor) {
        RecordBatch.setBaseOffset(next, in: UnsafeMutableRawBufferPointer(rebasing: bytes[range]))
        RecordBatch.setLeaderEpoch(0, in: UnsafeMutableRawBufferPointer(rebasing: bytes[range]))
        next += Int64(batch.lastOffsetDelta) + 1
      }
      try active.write(UnsafeRawBufferPointer(bytes))
    } catch {
      context.notice(.writeFailed(topic: topic, partition: partition, reason: error.message))
      throw error
    }
    var cursor = RecordBatchCursor(UnsafeRawBufferPointer(bytes))
    while let (batch, _) = try Self.step(&cursor) {
      recent.append(RecentBatches.Batch(offset: batch.baseOffset, position: active.size))
      active.note(batch, now: now)
      producers.note(batch, now: now)
      context.metrics.batchesIn += 1
      context.metrics.messagesIn += Int(batch.count)
    }
    context.metrics.bytesIn += bytes.count
  }

  /// Whether the batches may be appended; how many offsets they take, and where they are if they are there already.
  private func check(
    _ bytes: UnsafeRawBufferPointer
  ) throws(LogError) -> (offsets: Int64, duplicateOf: Int64?) {
    var offsets: Int64 = 0
    var cursor = RecordBatchCursor(bytes)
    while let (batch, range) = try Self.step(&cursor) {
      try check(batch, UnsafeRawBufferPointer(rebasing: bytes[range]))
      offsets += Int64(batch.lastOffsetDelta) + 1
      guard batch.isIdempotent else { continue }
      guard range.count == bytes.count else {
        throw LogError(.invalidRecord, "an idempotent producer may send one batch per partition and request")
      }
      switch producers.judge(batch) {
      case .new: break
      case .duplicate(let baseOffset): return (offsets, baseOffset)
      case .outOfOrder(let expected):
        let (id, sequence) = (batch.producerID, batch.baseSequence)
        throw LogError(
          .outOfOrderSequence, "\(topic)/\(partition): producer \(id) sent sequence \(sequence) instead of \(expected)")
      case .fenced(let epoch):
        throw LogError(
          .invalidProducerEpoch,
          "\(topic)/\(partition): producer \(batch.producerID) has epoch \(batch.producerEpoch), but \(epoch) was seen")
      }
    }
    guard offsets > 0 else { throw LogError(.invalidRecord, "\(topic)/\(partition): no batch was sent") }
    return (offsets, nil)
  }

  private func check(_ batch: RecordBatch, _ bytes: UnsafeRawBufferPointer) throws(LogError) {
    guard batch.size <= config.maxMessageBytes else {
      throw LogError(
        .messageTooLarge, "\(topic)/\(partition): batch of \(batch.size) bytes; at most \(config.maxMessageBytes) go")
    }
    guard crc32c(UnsafeRawBufferPointer(rebasing: bytes[RecordBatch.checksumStart...])) == batch.checksum else {
      throw LogError(.corruptMessage, "\(topic)/\(partition): the checksum of a batch is wrong")
    }
    guard !batch.attributes.isTransactional else {
      throw LogError(.invalidTransactionState, "\(topic)/\(partition): transactions are not supported")
    }
    guard !batch.attributes.isControl, !batch.attributes.hasDeleteHorizon else {
      throw LogError(.invalidRecord, "\(topic)/\(partition): clients may not write control batches")
    }
    guard batch.count == batch.lastOffsetDelta + 1 else {
      throw LogError(
        .invalidRecord, "\(topic)/\(partition): \(batch.count) records with last offset delta \(batch.lastOffsetDelta)")
    }
    guard config.cleanup.contains(.compact), batch.attributes.codec == RecordBatch.Codec.none else { return }
    do throws(RecordBatchError) {
      var records = try RecordCursor(batch: bytes)
      var delta: Int32 = 0
      while let record = try records.next() {
        guard record.key != nil, record.offsetDelta == delta else { throw .malformedRecord(Int(delta)) }
        delta += 1
      }
    } catch {
      throw LogError(
        .invalidRecord, "\(topic)/\(partition): a compacted topic takes only well-formed records with a key")
    }
  }

  private static func step(
    _ cursor: inout RecordBatchCursor
  ) throws(LogError) -> (batch: RecordBatch, range: Range<Int>)? {
    do { return try cursor.next() } catch { throw LogError(error) }
  }

  // MARK: Segments

  /// Whether the active segment is old enough to be sealed.
  func isActiveAged(now: Int64) -> Bool {
    active.size > 0 && now - active.startedAt >= config.segmentAge.milliseconds
  }

  /// Seals the active segment and begins the next one.
  func roll() throws(LogError) {
    precondition(active.size > 0, "an empty segment is never sealed")
    let sealed = active
    let next = Segment(
      baseOffset: sealed.nextOffset, directory: directory, segmentBytes: config.segmentBytes, context: context)
    _ = try next.file()
    sealed.isSealed = true
    sealed.producersAtSeal = producers
    segments.append(next)
    recent.removeAll()
    context.metrics.segments += 1
    markDirty(sealed, evenUnforced: true)
    markDirty(next, evenUnforced: true)
  }

  /// Queues a segment for the next flush; without `evenUnforced` only if the policy forces every write to disk.
  func markDirty(_ segment: Segment, evenUnforced: Bool) {
    guard evenUnforced || context.flusher.policy != .none else { return }
    if !segment.isDirty {
      segment.isDirty = true
      dirty.append(segment)
    }
    context.flusher.queue(self)
  }

  /// Ends the log of a deleted topic: nothing is appended any more, its files are closed.
  func withdraw(because reason: String) {
    failure = LogError(.unknownTopicOrPartition, reason)
    context.metrics.segments -= segments.count
    for segment in segments { segment.discard() }
    for segment in dirty { segment.isDirty = false }
    dirty.removeAll()
  }
}
