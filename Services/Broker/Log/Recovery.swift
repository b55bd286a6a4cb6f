import Glibc
import Wire

/// How a partition's log is found again at the start.
///
/// A segment whose checkpoint speaks of all its bytes is trusted (except the last one after an unclean stop: that is
/// verified whole). Of any other segment the bytes beyond the checkpoint are read and verified: structure, ascending
/// offsets, CRC-32C. Where they stop being right:
///
/// - An *unfinished write* is an incomplete batch, or bytes that are no batch at all, at the end, beyond the checkpoint,
///   with no whole batch after it. It was never acknowledged as durable; it is cut and reported.
/// - Everything else is *damage*: bytes below the checkpoint, a complete batch with a wrong checksum, head or place, or
///   whole batches after the bad spot. The good prefix stays; from the bad spot on the bytes move into a `.damaged` file
///   beside the log and are reported. The log goes on beyond every offset that the checkpoint or the lost bytes speak
///   of, in a new segment, so that no offset is given out twice. A batch without records covers the hole, so that a
///   reader gets past it and finds the end of the log where it is said to be.
extension PartitionLog {
  /// Opens the log in `directory`, which exists; `verifying` after an unclean stop. `now` is in milliseconds since 1970.
  ///
  /// - Throws: a storage error when a file cannot be read, or the disk has no room to keep damaged bytes.
  static func open(
    topic: String, partition: Int32, directory: String, config: TopicConfig, context: LogContext, verifying: Bool,
    now: Int64
  ) throws(LogError) -> PartitionLog {
    var recovery = Recovery(
      topic: topic, partition: partition, directory: directory, segmentBytes: config.segmentBytes,
      isCompacted: config.cleanup.contains(.compact), context: context, now: now)
    try recovery.run(verifying: verifying)
    let log = PartitionLog(
      topic: topic, partition: partition, directory: directory, config: config, context: context,
      segments: recovery.segments, producers: recovery.producers, durableOffset: recovery.durableOffset)
    for segment in recovery.unsynced { log.markDirty(segment, evenUnforced: true) }
    return log
  }

  /// The first offsets of the segments in `directory`, ascending; leftovers of unfinished work are removed.
  fileprivate static func segmentOffsets(in directory: String) throws(LogError) -> [Int64] {
    var offsets: [Int64] = []
    let names = try Files.list(directory)
    for name in names {
      if name.hasSuffix(".new") || name.hasSuffix(".cleaned") || name.hasSuffix(".deleted") {
        Files.remove(directory + "/" + name)
      } else if name.hasSuffix(".log"), let offset = Int64(name.dropLast(4)), offset >= 0 {
        offsets.append(offset)
      }
    }
    for name in names where name.hasSuffix(".index") {
      guard let offset = Int64(name.dropLast(6)), !offsets.contains(offset) else { continue }
      Files.remove(directory + "/" + name)
    }
    return offsets.sorted()
  }
}

/// One partition's recovery under way.
private struct Recovery {
  let topic: String
  let partition: Int32
  let directory: String
  let segmentBytes: Int
  /// Compaction leaves holes between batches; without it each begins where the one before it ends.
  let isCompacted: Bool
  let context: LogContext
  let now: Int64

  var segments: [Segment] = []
  var producers: ProducerTable
  /// Segments with bytes that no checkpoint covers.
  var unsynced: [Segment] = []
  var durableOffset: Int64 = 0

  init(
    topic: String, partition: Int32, directory: String, segmentBytes: Int, isCompacted: Bool, context: LogContext,
    now: Int64
  ) {
    self.topic = topic
    self.partition = partition
    self.directory = directory
    self.segmentBytes = segmentBytes
    self.isCompacted = isCompacted
    self.context = context
    self.now = now
    producers = ProducerTable(capacity: context.settings.producersPerPartition)
  }

  mutating func run(verifying: Bool) throws(LogError) {
    let offsets = try PartitionLog.segmentOffsets(in: directory)
    guard !offsets.isEmpty else {
      segments = [newSegment(at: 0)]
      return
    }
    for (number, offset) in offsets.enumerated() {
      let isLast = number == offsets.count - 1
      try recover(segmentAt: offset, before: isLast ? nil : offsets[number + 1], verifying: verifying && isLast)
    }
    try coverHole()
    for segment in segments.dropLast() { segment.isSealed = true }
    durableOffset = unsynced.isEmpty ? segments.last!.nextOffset : unsynced.first!.baseOffset
  }

  /// Writes batches without records where damage has left a hole before an end of the log that holds nothing yet, as
  /// compaction leaves them. A start that is interrupted here is made up for by the next.
  private mutating func coverHole() throws(LogError) {
    guard segments.count > 1, segments[segments.count - 1].size == 0 else { return }
    let (before, end) = (segments[segments.count - 2], segments[segments.count - 1].baseOffset)
    while before.nextOffset < end {
      let delta = Int32(clamping: end - before.nextOffset - 1)
      let cover = RecordBatchBuilder(covering: before.nextOffset, lastOffsetDelta: delta).finish { crc32c($0) }
      do {
        let batch = try cover.withUnsafeBytes { try RecordBatch(head: $0) }
        try cover.withUnsafeBytes { try before.write($0) }
        before.note(batch, now: now)
      } catch let error as LogError {
        throw error
      } catch {
        preconditionFailure("a batch of our own making is refused: \(error)")
      }
      if unsynced.last !== before { unsynced.append(before) }
    }
  }

  private func newSegment(at offset: Int64) -> Segment {
    Segment(baseOffset: offset, directory: directory, segmentBytes: segmentBytes, context: context)
  }

  /// Recovers one segment; `next` is where the one after it begins, nil for the last.
  private mutating func recover(segmentAt base: Int64, before next: Int64?, verifying: Bool) throws(LogError) {
    let path = Segment.path(directory, base, "log")
    let file = try OpenFile(path, O_RDWR)
    let size = try file.size()
    let known = try checkpoint(of: base)
    var state: Checkpoint
    if let known, known.size <= size, !verifying {
      producers = known.producers
      state = known
    } else {
      state = Checkpoint(
        baseOffset: base, size: 0, nextOffset: base, maxTimestamp: -1, startedAt: known?.startedAt ?? -1,
        index: SegmentIndex(segmentBytes: segmentBytes), producers: producers)
    }
    let bad = try scan(file, to: size, from: &state, known: known, before: next ?? .max)
    let lostFrom = state.nextOffset
    if bad != nil || state.size < known?.size ?? 0 {
      try cut(file, path, size: size, at: state, known: known, spoiled: bad?.lastOffset, next: next)
    }
    if state.size == 0 { state.startedAt = -1 }
    let isCovered = known.map { $0.size == state.size && $0.nextOffset == state.nextOffset } ?? false
    let segment = Segment(
      state, isCheckpointed: isCovered, directory: directory, segmentBytes: segmentBytes, context: context)
    segments.append(segment)
    // A checkpoint is written after the folder was synced.
    segment.isLinked = known != nil
    if !isCovered {
      unsynced.append(segment)
      if next != nil || resumption != nil { segment.producersAtSeal = producers }
    }
    if next == nil, let resumption, resumption > lostFrom {
      let following = newSegment(at: resumption)
      following.isLinked = true
      segments.append(following)
    }
  }

  /// Where the log goes on after damage at its end.
  private var resumption: Int64?

  private func checkpoint(of base: Int64) throws(LogError) -> Checkpoint? {
    guard let bytes = try Files.read(Segment.path(directory, base, "index")) else { return nil }
    return Checkpoint(
      bytes, baseOffset: base, segmentBytes: segmentBytes, producerCapacity: context.settings.producersPerPartition)
  }

  /// Where a scan stopped before the end of the file.
  private struct BadSpot {
    /// The last offset of the batch there, when it is complete but wrong.
    var lastOffset: Int64?
  }

  /// Verifies the batches beyond `state` and takes them into it; nil when all bytes are right.
  private mutating func scan(
    _ file: OpenFile, to end: Int, from state: inout Checkpoint, known: Checkpoint?, before next: Int64
  ) throws(LogError) -> BadSpot? {
    var scanner = BatchScanner(file, from: state.size, to: end, buffer: context.scratch)
    while true {
      switch try scanner.next() {
      case .end: return nil
      case .bad(_, let offsets): return BadSpot(lastOffset: offsets.map { state.nextOffset + $0 - 1 })
      case .batch(let batch, let position):
        guard isInPlace(batch, after: state), batch.lastOffset < next else {
          return BadSpot(lastOffset: state.nextOffset + Int64(batch.lastOffsetDelta))
        }
        guard try scanner.isIntact(batch, at: position) else { return BadSpot(lastOffset: batch.lastOffset) }
        state.index.note(
          offsetDelta: UInt32(clamping: batch.baseOffset - state.baseOffset), position: position,
          maxTimestampBefore: state.maxTimestamp)
        if state.startedAt < 0 { state.startedAt = min(now, max(0, batch.maxTimestamp)) }
        state.size = position + batch.size
        state.nextOffset = batch.lastOffset + 1
        state.maxTimestamp = max(state.maxTimestamp, batch.maxTimestamp)
        // The checkpoint also knows producers whose batches are no longer in the log.
        if state.size == known?.size { producers = known!.producers } else { producers.note(batch, now: now) }
      }
    }
  }

  /// The base offset is not covered by the checksum, so it must fit what came before it.
  private func isInPlace(_ batch: RecordBatch, after state: Checkpoint) -> Bool {
    guard isCompacted else { return batch.baseOffset == state.nextOffset }
    return batch.baseOffset >= state.nextOffset && batch.lastOffset - state.baseOffset <= Int64(Int32.max)
  }

  /// Ends a segment where it stops being right, keeping aside what was damaged.
  private mutating func cut(
    _ file: OpenFile, _ path: String, size: Int, at good: Checkpoint, known: Checkpoint?, spoiled: Int64?,
    next: Int64?
  ) throws(LogError) {
    let later = try lastWholeBatch(in: file, after: good.size, to: size, notBefore: good.nextOffset)
    let isDamage = good.size < known?.size ?? 0 || spoiled != nil || later != nil
    guard isDamage else {
      try truncate(file, path, to: good.size)
      return context.notice(
        .tailCut(topic: topic, partition: partition, offset: good.nextOffset, bytes: size - good.size))
    }
    var lostTo = max(good.nextOffset, known?.nextOffset ?? 0, (spoiled ?? -1) + 1, (later ?? -1) + 1)
    if let next { lostTo = min(lostTo, next) }
    let kept = path + "." + String(good.size) + ".damaged"
    try copy(file, from: good.size, to: size, into: kept)
    if next == nil, lostTo > good.nextOffset {
      // Before the cut, so that a crash in between does not begin again at offsets that were given out.
      _ = try OpenFile(Segment.path(directory, lostTo, "log"), O_RDWR | O_CREAT)
      resumption = lostTo
    }
    // Before the cut too: otherwise the next start would find the same damage again, and nothing left to keep.
    if good.size < known?.size ?? 0 { unlink(Segment.path(directory, good.baseOffset, "index")) }
    try context.disk.syncFolder(directory)
    try truncate(file, path, to: good.size)
    context.notice(
      .damaged(
        topic: topic, partition: partition, from: good.nextOffset, to: lostTo, bytes: size - good.size, keptIn: kept))
  }

  private func truncate(_ file: OpenFile, _ path: String, to size: Int) throws(LogError) {
    guard context.disk.truncate(file.descriptor, size) == 0 else { throw .storage("cut", path, errno) }
    guard context.disk.sync(file.descriptor) == 0 else { throw .storage("sync", path, errno) }
  }

  private func copy(_ file: OpenFile, from start: Int, to end: Int, into path: String) throws(LogError) {
    let copy = try OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC)
    var position = start
    while position < end {
      let room = UnsafeMutableRawBufferPointer(rebasing: context.scratch[..<min(context.scratch.count, end - position)])
      let count = try file.read(into: room, at: position)
      guard count > 0 else { break }
      let bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(room)[..<count])
      let failure = context.disk.writeAll(copy.descriptor, bytes, at: position - start)
      guard failure == 0 else { throw .storage("write", path, failure) }
      position += count
    }
    guard context.disk.sync(copy.descriptor) == 0 else { throw .storage("sync", path, errno) }
  }

  /// The last offset of the last whole batch somewhere after a bad spot; nil when there is none.
  ///
  /// Tries every byte as a batch's first. Gives up after verifying a multiple of the bytes, so that hostile contents
  /// cannot make the start slow.
  private func lastWholeBatch(
    in file: OpenFile, after bad: Int, to end: Int, notBefore offset: Int64
  ) throws(LogError) -> Int64? {
    var found: Int64?
    var least = offset
    var position = bad + 1
    var verified = 0
    let window = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { window.deallocate() }
    while position + RecordBatch.headSize <= end, verified <= 4 * (end - bad) {
      let filled = try file.read(into: window, at: position)
      guard filled >= RecordBatch.headSize else { break }
      var step = filled - RecordBatch.headSize + 1
      for start in 0..<step where window[start + 16] == 2 {
        let head = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(window)[start..<filled])
        guard let batch = try? RecordBatch(head: head), batch.baseOffset >= least,
          batch.baseOffset - least <= Int64(UInt32.max), batch.size <= end - position - start
        else { continue }
        var scanner = BatchScanner(
          file, from: position + start, to: position + start + batch.size, buffer: context.scratch)
        verified += batch.size
        guard try scanner.isIntact(batch, at: position + start) else { continue }
        found = batch.lastOffset
        least = batch.lastOffset + 1
        step = start + batch.size
        break
      }
      position += step
    }
    return found
  }
}
