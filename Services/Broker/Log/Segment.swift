import Glibc
import Wire

/// One file of a partition's log: batches one after another, named by the first offset it may hold.
///
/// Opened when needed and closed by the ``FileCache``; its index is in memory while it is active and while it is open.
final class Segment {
  let baseOffset: Int64
  let directory: String
  private let context: LogContext
  private let segmentBytes: Int

  /// Bytes of whole batches; the file may be longer only after a failed write.
  private(set) var size = 0
  /// The offset after the last record.
  private(set) var nextOffset: Int64
  /// The latest timestamp of any record, in milliseconds since 1970; -1 while there is none.
  private(set) var maxTimestamp: Int64 = -1
  /// When it got its first batch, in milliseconds since 1970; -1 while it has none.
  private(set) var startedAt: Int64 = -1
  /// Nil while it is sealed and closed; see ``loadedIndex()``.
  private var index: SegmentIndex?
  private var opened: OpenFile?
  /// A failed write left bytes beyond `size` that could not be cut.
  private var hasExcess = false

  /// The producers' state at its end, from when it was sealed until its checkpoint is written.
  var producersAtSeal: ProducerTable?
  /// Whether no more is appended.
  var isSealed = false
  /// Whether bytes were written since the last flush of it began.
  var isDirty = false
  /// Whether a flush of it is under way.
  var isFlushing = false
  /// Whether its name in the folder is durable.
  var isLinked = false
  /// Bytes that the checkpoint on disk speaks of; -1 when there is none.
  var checkpointSize = -1
  /// When the last checkpoint was written, in milliseconds since 1970.
  var checkpointedAt: Int64 = 0
  /// Set by each use, cleared by the ``FileCache``.
  var wasUsed = false

  /// An empty segment; its file is made by the first use.
  init(baseOffset: Int64, directory: String, segmentBytes: Int, context: LogContext) {
    self.baseOffset = baseOffset
    self.directory = directory
    self.segmentBytes = segmentBytes
    self.context = context
    nextOffset = baseOffset
    index = SegmentIndex(segmentBytes: segmentBytes)
  }

  /// A segment found on disk, as `state` says; `isCheckpointed` when its checkpoint says so too.
  convenience init(_ state: Checkpoint, isCheckpointed: Bool, directory: String, segmentBytes: Int, context: LogContext)
  {
    self.init(baseOffset: state.baseOffset, directory: directory, segmentBytes: segmentBytes, context: context)
    size = state.size
    nextOffset = state.nextOffset
    maxTimestamp = state.maxTimestamp
    startedAt = state.startedAt
    index = state.index
    if isCheckpointed { checkpointSize = state.size }
  }

  var path: String { Self.path(directory, baseOffset, "log") }
  var indexPath: String { Self.path(directory, baseOffset, "index") }

  /// `<folder>/<offset as 20 digits>.<suffix>`
  static func path(_ directory: String, _ offset: Int64, _ suffix: String) -> String {
    let digits = String(offset)
    return directory + "/" + String(repeating: "0", count: 20 - digits.count) + digits + "." + suffix
  }

  var isCheckpointed: Bool { checkpointSize == size }

  // MARK: File

  /// The open file; made when the segment is still empty.
  func file() throws(LogError) -> OpenFile {
    wasUsed = true
    if let opened { return opened }
    let file = try OpenFile(path, size == 0 ? O_RDWR | O_CREAT : O_RDWR)
    opened = file
    context.files.admit(self)
    return file
  }

  /// Whether the file may be closed and opened again later.
  var mayClose: Bool { !isDirty && !isFlushing }

  /// Closes the file, for the ``FileCache``; the index goes too when it can be read again.
  func closeFile() {
    opened = nil
    if isSealed && isCheckpointed { index = nil }
  }

  /// Drops a segment that left the log.
  func discard() {
    context.files.remove(self)
    opened = nil
  }

  /// The index, read again when it had been dropped, or made anew when its file is gone.
  private func loadedIndex() throws(LogError) -> SegmentIndex {
    if let index { return index }
    if let bytes = try Files.read(indexPath),
      let checkpoint = Checkpoint(
        bytes, baseOffset: baseOffset, segmentBytes: segmentBytes,
        producerCapacity: context.settings.producersPerPartition), checkpoint.size == size
    {
      index = checkpoint.index
      return checkpoint.index
    }
    var made = SegmentIndex(segmentBytes: segmentBytes)
    var latest: Int64 = -1
    try walk(from: 0) { batch, position in
      made.note(
        offsetDelta: UInt32(batch.baseOffset - baseOffset), position: position, maxTimestampBefore: latest)
      latest = max(latest, batch.maxTimestamp)
      return true
    }
    index = made
    return made
  }

  // MARK: Writing

  /// Writes batches at the end; ``note(_:at:)`` must follow for each.
  ///
  /// - Throws: a storage error when not all could be written; the segment is then as it was before.
  func write(_ bytes: UnsafeRawBufferPointer) throws(LogError) {
    let descriptor = try file().descriptor
    if hasExcess {
      guard context.disk.truncate(descriptor, size) == 0 else { throw .storage("cut", path, errno) }
      hasExcess = false
    }
    let failure = context.disk.writeAll(descriptor, bytes, at: size)
    guard failure == 0 else {
      hasExcess = context.disk.truncate(descriptor, size) != 0
      throw .storage("write", path, failure)
    }
  }

  /// Takes a written batch into account.
  func note(_ batch: RecordBatch, now: Int64) {
    index!.note(
      offsetDelta: UInt32(batch.baseOffset - baseOffset), position: size, maxTimestampBefore: maxTimestamp)
    if startedAt < 0 {
      startedAt = now
      checkpointedAt = now
    }
    size += batch.size
    nextOffset = batch.lastOffset + 1
    maxTimestamp = max(maxTimestamp, batch.maxTimestamp)
  }

  /// Whether so many more bytes and offsets fit.
  func fits(bytes: Int, offsets: Int64, limit: Int) -> Bool {
    size == 0 || (size + bytes <= limit && nextOffset + offsets - baseOffset <= Int64(Int32.max))
  }

  /// What its checkpoint says when its bytes up to now are on disk.
  func checkpoint(producers: ProducerTable) throws(LogError) -> Checkpoint {
    Checkpoint(
      baseOffset: baseOffset, size: size, nextOffset: nextOffset, maxTimestamp: maxTimestamp, startedAt: startedAt,
      index: try loadedIndex(), producers: producers)
  }

  // MARK: Finding

  /// Calls `body` with the head and the position of each batch from `start` on, until it returns false.
  private func walk(from start: Int, _ body: (RecordBatch, Int) -> Bool) throws(LogError) {
    var scanner = BatchScanner(try file(), from: start, to: size, buffer: context.scratch)
    while true {
      switch try scanner.next() {
      case .batch(let batch, let position): if !body(batch, position) { return }
      case .end: return
      case .bad(let error, _):
        throw LogError(.corruptMessage, "\(path) at byte \(scanner.position): \(error)")
      }
    }
  }

  /// Where the first batch begins that ends at or after `offset`; nil when there is none.
  func position(of offset: Int64) throws(LogError) -> Int? {
    guard offset < nextOffset else { return nil }
    var found: Int?
    try walk(from: loadedIndex().position(before: offset - baseOffset)) { batch, position in
      if batch.lastOffset >= offset { found = position }
      return found == nil
    }
    return found
  }

  /// Where a slice that begins at `start` ends so that it holds whole batches and at most `maxBytes`.
  func sliceEnd(from start: Int, maxBytes: Int, atLeastOneBatch: Bool) throws(LogError) -> Int {
    let limit = start + maxBytes
    if limit >= size { return size }
    let boundary = try loadedIndex().boundary(atOrBefore: limit)
    if boundary > start { return boundary }
    var end = start
    try walk(from: start) { batch, position in
      let batchEnd = position + batch.size
      if batchEnd <= limit || (atLeastOneBatch && end == start) { end = batchEnd }
      return end == batchEnd && end < limit
    }
    return end
  }

  /// The first batch that holds a timestamp not before `timestamp`; nil when there is none.
  func batch(notBefore timestamp: Int64) throws(LogError) -> (batch: RecordBatch, position: Int)? {
    guard maxTimestamp >= timestamp else { return nil }
    var found: (RecordBatch, Int)?
    try walk(from: loadedIndex().position(beforeTimestamp: timestamp)) { batch, position in
      if batch.maxTimestamp >= timestamp { found = (batch, position) }
      return found == nil
    }
    return found
  }
}
