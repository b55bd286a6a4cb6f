import Glibc
import Wire

extension PartitionLog {
  /// Whole batches from the one that holds `offset` on, at most `maxBytes` of one segment.
  ///
  /// With `atLeastOneBatch` the first batch comes even if it is larger. Empty at the end of the log.
  ///
  /// - Throws: out of range before ``logStartOffset`` or after ``endOffset``; corrupt message at damaged bytes.
  func read(from offset: Int64, maxBytes: Int, atLeastOneBatch: Bool) throws(LogError) -> LogSlice {
    guard offset >= logStartOffset, offset <= endOffset else {
      throw LogError(
        .offsetOutOfRange,
        "\(topic)/\(partition): offset \(offset) is not within \(logStartOffset) to \(endOffset)")
    }
    guard offset < endOffset, maxBytes > 0 || atLeastOneBatch else { return .empty }
    if let position = recent.position(of: offset) {
      return try readRecent(from: position, maxBytes: max(0, maxBytes), atLeastOneBatch: atLeastOneBatch)
    }
    do throws(LogError) {
      // A segment without the offset was compacted or damaged there: the next batch is in a later one.
      let after = segments.partitionPoint { $0.baseOffset > offset }
      for segment in segments[(after - 1)...] {
        guard let position = try segment.position(of: offset) else { continue }
        let end = try segment.sliceEnd(from: position, maxBytes: max(0, maxBytes), atLeastOneBatch: atLeastOneBatch)
        guard end > position else { return .empty }
        return LogSlice(file: try segment.file(), position: position, count: end - position)
      }
      return .empty
    } catch {
      throw unreadable(error, at: offset)
    }
  }

  private func readRecent(from position: Int, maxBytes: Int, atLeastOneBatch: Bool) throws(LogError) -> LogSlice {
    var end = active.size
    if end - position > maxBytes, let batches = recent.boundaries(after: position, limit: position + maxBytes) {
      end = batches.last > position ? batches.last : atLeastOneBatch ? batches.next ?? active.size : position
    }
    guard end > position else { return .empty }
    return LogSlice(file: try active.file(), position: position, count: end - position)
  }

  /// The offset after the last record of a slice that was read from `offset` on: where its reader asks next. For counting
  /// only: where it cannot be told, the answer is `offset`.
  func nextOffset(after slice: LogSlice, from offset: Int64) -> Int64 {
    let end = slice.position + slice.count
    let segment = segments[max(0, segments.partitionPoint { $0.baseOffset > offset } - 1)]
    if end == segment.size { return segment.nextOffset }
    // The batch behind the slice begins with its offset.
    var next: Int64 = 0
    let count = withUnsafeMutableBytes(of: &next) { bytes in try? slice.file?.read(into: bytes, at: end) }
    return count == 8 ? max(offset, Int64(bigEndian: next)) : offset
  }

  /// The first record that is not older than `timestamp` (milliseconds since 1970), and its own timestamp; nil when
  /// all are older.
  ///
  /// Inside a compressed batch records cannot be told apart: the answer is then the first offset of the batch.
  func offset(notBefore timestamp: Int64) throws(LogError) -> (offset: Int64, timestamp: Int64)? {
    do throws(LogError) {
      for segment in segments {
        guard let (batch, position) = try segment.batch(notBefore: timestamp) else { continue }
        if batch.baseTimestamp >= timestamp && !batch.attributes.hasDeleteHorizon && !batch.attributes.isLogAppendTime {
          return (batch.baseOffset, batch.baseTimestamp)
        }
        guard batch.attributes.codec == RecordBatch.Codec.none, !batch.attributes.isLogAppendTime else {
          return (batch.baseOffset, batch.maxTimestamp)
        }
        let bytes = try LogSlice(file: try segment.file(), position: position, count: batch.size).bytes()
        let found = bytes.withUnsafeBytes { Self.record(in: $0, of: batch, notBefore: timestamp) }
        return found ?? (batch.baseOffset, batch.maxTimestamp)
      }
      return nil
    } catch {
      throw unreadable(error, at: logStartOffset)
    }
  }

  private static func record(
    in bytes: UnsafeRawBufferPointer, of batch: RecordBatch, notBefore timestamp: Int64
  ) -> (offset: Int64, timestamp: Int64)? {
    guard var records = try? RecordCursor(batch: bytes) else { return nil }
    while let record = try? records.next() {
      let time = batch.baseTimestamp &+ record.timestampDelta
      if time >= timestamp { return (batch.baseOffset + Int64(record.offsetDelta), time) }
    }
    return nil
  }

  /// Reports damage met by a read, and withdraws the checkpoint so that the next start repairs the segment.
  private func unreadable(_ error: LogError, at offset: Int64) -> LogError {
    guard error.kind == .corruptMessage else { return error }
    context.notice(.unreadable(topic: topic, partition: partition, offset: offset, reason: error.message))
    let after = segments.partitionPoint { $0.baseOffset > offset }
    unlink(segments[max(0, after - 1)].indexPath)
    return error
  }
}

extension PartitionLog {
  /// Calls `body` with each record of the log, from its beginning. Compressed batches are left out: the broker's own
  /// topics have none.
  func forEachRecord(_ body: (_ key: [UInt8]?, _ value: [UInt8]?) -> Void) throws(LogError) {
    var offset = logStartOffset
    while offset < endOffset {
      let slice = try read(from: offset, maxBytes: 1 << 20, atLeastOneBatch: true)
      guard !slice.isEmpty else { return }
      let bytes = try slice.bytes()
      try bytes.span.bytes.withUnsafeBytes { bytes throws(LogError) in
        do throws(RecordBatchError) {
          var batches = RecordBatchCursor(bytes)
          while let (batch, range) = try batches.next() {
            offset = batch.baseOffset + Int64(batch.lastOffsetDelta) + 1
            guard batch.attributes.codec == RecordBatch.Codec.none else { continue }
            let content = UnsafeRawBufferPointer(rebasing: bytes[range])
            var records = try RecordCursor(batch: content)
            while let record = try records.next() {
              body(record.key.map { Array(content[$0]) }, record.value.map { Array(content[$0]) })
            }
          }
        } catch {
          throw LogError(error)
        }
      }
    }
  }
}
