import Wire

/// Walks the batches of a segment file, reading ahead into a buffer that it is lent.
struct BatchScanner {
  enum Step {
    case batch(RecordBatch, position: Int)
    case end
    /// The bytes at `position` are no batch, or not all of one. If they are the rest of the file and as long as they
    /// say they are, `offsets` is how many a batch of that length may have had.
    case bad(RecordBatchError, offsets: Int64?)
  }

  private let file: OpenFile
  private let end: Int
  private let buffer: UnsafeMutableRawBufferPointer
  /// The part of the file that the buffer holds.
  private var window = 0..<0
  /// Where the next batch begins.
  private(set) var position: Int

  /// Begins at `position`, which must be the start of a batch, and ends before `end`.
  init(_ file: OpenFile, from position: Int, to end: Int, buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= RecordBatch.headSize)
    self.file = file
    self.position = position
    self.end = end
    self.buffer = buffer
  }

  /// The next batch's head; its checksum is not looked at.
  mutating func next() throws(LogError) -> Step {
    guard position < end else { return .end }
    let head = try bytes(at: position, atLeast: min(RecordBatch.headSize, end - position))
    let batch: RecordBatch
    do { batch = try RecordBatch(head: head) } catch {
      return .bad(error, offsets: RecordBatch.possibleOffsets(in: head, size: end - position))
    }
    guard batch.size <= end - position else {
      return .bad(.cutShort(needed: batch.size, available: end - position), offsets: nil)
    }
    defer { position += batch.size }
    return .batch(batch, position: position)
  }

  /// Whether the checksum of the batch that begins at `start` is right.
  mutating func isIntact(_ batch: RecordBatch, at start: Int) throws(LogError) -> Bool {
    var at = start + RecordBatch.checksumStart
    let batchEnd = start + batch.size
    var crc: UInt32 = 0
    while at < batchEnd {
      let some = try bytes(at: at, atLeast: 1).prefix(batchEnd - at)
      guard !some.isEmpty else { return false }
      crc = crc32c(UnsafeRawBufferPointer(rebasing: some), from: crc)
      at += some.count
    }
    return crc == batch.checksum
  }

  /// The bytes from `start` on that the buffer holds, at least so many unless the file ends before.
  private mutating func bytes(at start: Int, atLeast count: Int) throws(LogError) -> UnsafeRawBufferPointer {
    if !(window.contains(start) && window.upperBound - start >= count) {
      let wanted = min(buffer.count, end - start)
      let read = try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), at: start)
      window = start..<start + read
    }
    return UnsafeRawBufferPointer(rebasing: buffer[(start - window.lowerBound)..<window.count])
  }
}
