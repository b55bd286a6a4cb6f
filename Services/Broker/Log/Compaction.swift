import Glibc
import Wire

/// Compaction by key: of each key only the newest record stays, as `cleanup.policy=compact` asks.
///
/// Sealed segments are rewritten one by one; offsets and order stay. A tombstone stays for `delete.retention.ms` after
/// the first compaction that met it (the batch then carries the time, KIP-534), so that every reader learns of it.
/// Compressed batches are kept whole, since their keys cannot be read here: the mesh's own compacted topics are not
/// compressed.
///
/// ``DataFolder/nextCompaction(now:)`` on the loop chooses a partition, ``CompactionJob/perform()`` on another thread
/// writes `<offset>.log.cleaned` files and syncs them, ``DataFolder/finishCompaction(_:)`` on the loop renames each over
/// its segment, oldest first. Every rename leaves a valid log; a start removes what was not renamed. Before a rename the
/// old checkpoint is removed, so that it never speaks of a file it does not describe.
struct CompactionJob: Sendable {
  struct Source: Sendable {
    let baseOffset: Int64
    let path: String
    let indexPath: String
    let size: Int
    /// Whether it holds records that were never compacted.
    let isNew: Bool
  }

  let topic: String
  let partition: Int32
  let sources: [Source]
  let directory: String
  let segmentBytes: Int
  /// Bytes of keys to keep in memory; beyond that only the first of the new segments are compacted.
  let keyLimit: Int
  /// From when on tombstones met now may go, in milliseconds since 1970.
  let deleteHorizon: Int64
  let now: Int64
  let disk: Disk
  let producerCapacity: Int

  /// Reads the keys, then rewrites what holds superseded records.
  func perform() -> CompactionResult {
    do throws(LogError) {
      let (latest, covered) = try newestOffsets()
      var rewritten: [CompactionResult.Rewritten] = []
      for source in sources.prefix(covered) {
        if let segment = try rewrite(source, keeping: latest) { rewritten.append(segment) }
      }
      return CompactionResult(job: self, covered: covered, rewritten: rewritten, failure: nil)
    } catch {
      return CompactionResult(job: self, covered: 0, rewritten: [], failure: error)
    }
  }

  /// The newest offset of each key in the new segments, and how many of the sources those cover.
  private func newestOffsets() throws(LogError) -> (latest: [[UInt8]: Int64], covered: Int) {
    var latest: [[UInt8]: Int64] = [:]
    var bytes = 0
    for (number, source) in sources.enumerated() where source.isNew {
      // A segment's keys are at most its bytes. One new segment is always taken, whatever it holds.
      if !latest.isEmpty, bytes + source.size > keyLimit { return (latest, number) }
      try forEachBatch(of: source) { batch, content throws(LogError) in
        guard batch.attributes.codec == RecordBatch.Codec.none else { return }
        try forEachRecord(of: content) { record in
          guard let key = record.key else { return }
          let known = latest.updateValue(batch.baseOffset + Int64(record.offsetDelta), forKey: Array(content[key]))
          if known == nil { bytes += key.count }
        }
      }
    }
    return (latest, sources.count)
  }

  /// Writes the segment without superseded records; nil when it would stay as it is.
  private func rewrite(
    _ source: Source, keeping latest: [[UInt8]: Int64]
  ) throws(LogError) -> CompactionResult.Rewritten? {
    let output = source.path + ".cleaned"
    var writer = SegmentWriter(file: try OpenFile(output, O_WRONLY | O_CREAT | O_TRUNC), path: output, disk: disk)
    let original = try Files.read(source.indexPath).flatMap {
      Checkpoint(
        $0, baseOffset: source.baseOffset, segmentBytes: segmentBytes, producerCapacity: producerCapacity)
    }
    guard let original, original.size == source.size else {
      throw LogError(.storage, "\(source.indexPath) does not describe its segment; a restart makes it anew")
    }
    var state = original
    state.size = 0
    state.maxTimestamp = -1
    state.index = SegmentIndex(segmentBytes: segmentBytes)
    var isChanged = false
    try forEachBatch(of: source) { batch, content throws(LogError) in
      let kept: [UInt8]?
      switch try retained(batch, content, latest) {
      case .whole: kept = nil
      case .none:
        isChanged = true
        return
      case .part(let bytes):
        isChanged = true
        kept = bytes
      }
      state.index.note(
        offsetDelta: UInt32(clamping: batch.baseOffset - source.baseOffset), position: state.size,
        maxTimestampBefore: state.maxTimestamp)
      state.maxTimestamp = max(state.maxTimestamp, batch.maxTimestamp)
      state.size += kept?.count ?? content.count
      if let kept {
        try kept.span.bytes.withUnsafeBytes { bytes throws(LogError) in try writer.append(bytes) }
      } else {
        try writer.append(content)
      }
    }
    guard isChanged else {
      unlink(output)
      return nil
    }
    try writer.finish()
    let index = source.indexPath + ".cleaned"
    try disk.replace(index, with: state.encoded())
    return CompactionResult.Rewritten(source: source, state: state, path: output, indexPath: index)
  }

  private enum Retained {
    case whole
    case none
    case part([UInt8])
  }

  /// What stays of a batch.
  private func retained(
    _ batch: RecordBatch, _ content: UnsafeRawBufferPointer, _ latest: [[UInt8]: Int64]
  ) throws(LogError) -> Retained {
    guard batch.attributes.codec == RecordBatch.Codec.none, !batch.attributes.isControl else { return .whole }
    let dropsTombstones = batch.attributes.hasDeleteHorizon && batch.baseTimestamp <= now
    var kept: [Record] = []
    var hasTombstone = false
    try forEachRecord(of: content) { record in
      let offset = batch.baseOffset + Int64(record.offsetDelta)
      if let key = record.key, let newest = latest[Array(content[key])], newest > offset { return }
      if record.value == nil && record.key != nil {
        if dropsTombstones { return }
        hasTombstone = true
      }
      kept.append(record)
    }
    if kept.isEmpty { return .none }
    let needsHorizon = hasTombstone && !batch.attributes.hasDeleteHorizon
    if kept.count == Int(batch.count) && !needsHorizon { return .whole }
    var builder = RecordBatchBuilder(rewriting: batch, deleteHorizon: needsHorizon ? deleteHorizon : nil)
    for record in kept {
      builder.append(
        content: UnsafeRawBufferPointer(rebasing: content[record.content]), offsetDelta: record.offsetDelta,
        timestamp: batch.baseTimestamp &+ record.timestampDelta)
    }
    return .part(builder.finish { crc32c($0) })
  }

  // MARK: Reading

  private func forEachBatch(
    of source: Source, _ body: (RecordBatch, UnsafeRawBufferPointer) throws(LogError) -> Void
  ) throws(LogError) {
    let file = try OpenFile(source.path, O_RDONLY)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 16)
    defer { buffer.deallocate() }
    var scanner = BatchScanner(file, from: 0, to: source.size, buffer: buffer)
    while true {
      switch try scanner.next() {
      case .end: return
      case .bad(let error, _): throw LogError(.corruptMessage, "\(source.path) at byte \(scanner.position): \(error)")
      case .batch(let batch, let position):
        let bytes = try LogSlice(file: file, position: position, count: batch.size).bytes()
        try bytes.span.bytes.withUnsafeBytes { content throws(LogError) in
          let covered = UnsafeRawBufferPointer(rebasing: content[RecordBatch.checksumStart...])
          guard crc32c(covered) == batch.checksum else {
            throw LogError(.corruptMessage, "\(source.path) at byte \(position): the checksum is wrong")
          }
          try body(batch, content)
        }
      }
    }
  }

  private func forEachRecord(
    of content: UnsafeRawBufferPointer, _ body: (Record) -> Void
  ) throws(LogError) {
    do throws(RecordBatchError) {
      var records = try RecordCursor(batch: content)
      while let record = try records.next() { body(record) }
    } catch {
      throw LogError(error)
    }
  }
}

/// Writes a file from its begin to its end in large pieces.
private struct SegmentWriter {
  let file: OpenFile
  let path: String
  let disk: Disk
  private var pending: [UInt8] = []
  private var position = 0

  init(file: OpenFile, path: String, disk: Disk) {
    self.file = file
    self.path = path
    self.disk = disk
  }

  mutating func append(_ bytes: UnsafeRawBufferPointer) throws(LogError) {
    pending.append(contentsOf: bytes)
    if pending.count >= 1 << 20 { try write() }
  }

  mutating func finish() throws(LogError) {
    try write()
    guard disk.sync(file.descriptor) == 0 else { throw .storage("sync", path, errno) }
  }

  private mutating func write() throws(LogError) {
    let failure = pending.withUnsafeBytes { disk.writeAll(file.descriptor, $0, at: position) }
    guard failure == 0 else { throw .storage("write", path, failure) }
    position += pending.count
    pending.removeAll(keepingCapacity: true)
  }
}

/// What a compaction wrote.
struct CompactionResult: Sendable {
  struct Rewritten: Sendable {
    let source: CompactionJob.Source
    /// The segment as it is in the new file.
    let state: Checkpoint
    let path: String
    let indexPath: String
  }

  let job: CompactionJob
  /// How many of the job's sources are compacted now.
  let covered: Int
  let rewritten: [Rewritten]
  let failure: LogError?
}

extension PartitionLog {
  /// What to compact; nil while less than half of the sealed bytes are new, as in Kafka.
  func compaction(now: Int64) -> CompactionJob? {
    guard config.cleanup.contains(.compact), failure == nil, now >= compactionRetryAt else { return nil }
    var sources: [CompactionJob.Source] = []
    var (newBytes, allBytes) = (0, 0)
    for segment in segments.dropLast() {
      guard segment.isCheckpointed, segment.mayClose,
        config.minCompactionLag == .zero || now - segment.maxTimestamp >= config.minCompactionLag.milliseconds
      else { break }
      let isNew = segment.nextOffset > compactedUpTo
      sources.append(
        CompactionJob.Source(
          baseOffset: segment.baseOffset, path: segment.path, indexPath: segment.indexPath, size: segment.size,
          isNew: isNew))
      allBytes += segment.size
      if isNew { newBytes += segment.size }
    }
    guard newBytes > 0, newBytes * 2 >= allBytes else { return nil }
    return CompactionJob(
      topic: topic, partition: partition, sources: sources, directory: directory,
      segmentBytes: config.segmentBytes, keyLimit: 64 << 20,
      deleteHorizon: now + config.deleteRetention.milliseconds, now: now, disk: context.disk,
      producerCapacity: context.settings.producersPerPartition)
  }

  /// Puts compacted segments in the place of the old ones; answers the files to remove.
  func finish(_ result: CompactionResult) throws(LogError) -> [String] {
    var removed: [String] = []
    for rewritten in result.rewritten {
      guard let number = segments.firstIndex(where: { $0.baseOffset == rewritten.source.baseOffset }) else {
        continue  // retention was faster
      }
      let old = segments[number]
      context.metrics.bytesCompactedAway += old.size - rewritten.state.size
      if rewritten.state.size == 0 && number > 0 {
        segments.remove(at: number)
        removed += [old.setAside(), rewritten.path, rewritten.indexPath]
        context.metrics.segments -= 1
        continue
      }
      unlink(old.indexPath)
      guard rename(rewritten.path, old.path) == 0 else { throw .storage("replace", old.path, errno) }
      let isCheckpointed = rename(rewritten.indexPath, old.indexPath) == 0
      let segment = Segment(
        rewritten.state, isCheckpointed: isCheckpointed, directory: directory, segmentBytes: config.segmentBytes,
        context: context)
      segment.isSealed = true
      segment.isLinked = true
      segment.producersAtSeal = isCheckpointed ? nil : rewritten.state.producers
      old.discard()
      segments[number] = segment
    }
    if let last = result.job.sources.prefix(result.covered).last,
      let segment = segments.last(where: { $0.baseOffset <= last.baseOffset })
    {
      compactedUpTo = max(compactedUpTo, segment.nextOffset)
    }
    return removed
  }
}

extension DataFolder {
  /// How long after a failure a partition is compacted again.
  private static let compactionRetry = Duration.seconds(600)

  /// The next partition to compact; nil when none is due. One compaction at a time.
  func nextCompaction(now: Int64) -> CompactionJob? {
    for topic in topics.values where topic.config.cleanup.contains(.compact) {
      for log in topic.partitions {
        if let job = log.compaction(now: now) { return job }
      }
    }
    return nil
  }

  /// Takes over what a compaction wrote; answers files to remove. A failed or outdated one leaves the log as it was.
  func finishCompaction(_ result: CompactionResult) -> Removal? {
    let job = result.job
    let log = topics[job.topic]?.partitions.first { $0.partition == job.partition && $0.directory == job.directory }
    let leftovers = job.sources.flatMap { [$0.path + ".cleaned", $0.indexPath + ".cleaned"] }
    guard let log else { return Removal(paths: leftovers) }
    do throws(LogError) {
      if let failure = result.failure { throw failure }
      let removed = try log.finish(result)
      context.metrics.compactions += 1
      return removed.isEmpty ? nil : Removal(paths: removed)
    } catch {
      log.compactionRetryAt = job.now + Self.compactionRetry.milliseconds
      context.notice(.compactionFailed(topic: job.topic, partition: job.partition, reason: error.message))
      return Removal(paths: leftovers)
    }
  }
}
