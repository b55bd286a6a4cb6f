/// Where some batches of a segment begin: a sparse index by offset and by time.
///
/// One entry about each `interval` bytes, always at the start of a batch, in ascending order.
struct SegmentIndex: Equatable, Sendable {
  struct Entry: Equatable, Sendable {
    /// First offset of the batch, relative to the segment's.
    var offsetDelta: UInt32
    /// Where the batch begins in the file.
    var position: UInt32
    /// The latest timestamp in all batches before this one; -1 when there are none.
    var maxTimestampBefore: Int64
  }

  var entries: [Entry] = []
  let interval: Int

  /// An index for segments of about `segmentBytes`: at most some 16,384 entries (256 KiB), each 4 KiB or more apart.
  init(segmentBytes: Int) { interval = max(4096, segmentBytes / 16_384) }

  /// Notes the batch that begins at `position`, if it is far enough from the last entry.
  mutating func note(offsetDelta: UInt32, position: Int, maxTimestampBefore: Int64) {
    if let last = entries.last, position - Int(last.position) < interval { return }
    entries.append(
      Entry(offsetDelta: offsetDelta, position: UInt32(position), maxTimestampBefore: maxTimestampBefore))
  }

  /// Where to begin looking for an offset: at or before its batch.
  func position(before offsetDelta: Int64) -> Int {
    let after = entries.partitionPoint { Int64($0.offsetDelta) > offsetDelta }
    return after == 0 ? 0 : Int(entries[after - 1].position)
  }

  /// The last known start of a batch at or before `position`.
  func boundary(atOrBefore position: Int) -> Int {
    let after = entries.partitionPoint { Int($0.position) > position }
    return after == 0 ? 0 : Int(entries[after - 1].position)
  }

  /// Where to begin looking for the first record that is not older than `timestamp`.
  func position(beforeTimestamp timestamp: Int64) -> Int {
    let after = entries.partitionPoint { $0.maxTimestampBefore >= timestamp }
    return after == 0 ? 0 : Int(entries[after - 1].position)
  }
}

extension RandomAccessCollection where Index == Int {
  /// The index of the first element for which `isAfter` holds; it holds for all that follow.
  func partitionPoint(_ isAfter: (Element) -> Bool) -> Int {
    var (low, high) = (startIndex, endIndex)
    while low < high {
      let middle = low + (high - low) / 2
      if isAfter(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
