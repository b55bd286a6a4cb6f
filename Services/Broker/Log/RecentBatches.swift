/// Where the last batches of the active segment lie, so that reads at the tail touch neither index nor disk.
///
/// A ring of at most 256; offsets in it are without holes.
struct RecentBatches {
  struct Batch: Equatable {
    var offset: Int64
    var position: Int
  }

  private static let capacity = 256
  private var ring: [Batch] = []
  private var first = 0

  var count: Int { ring.count }

  /// The batches from the oldest to the newest.
  subscript(index: Int) -> Batch { ring[(first + index) % ring.count] }

  mutating func append(_ batch: Batch) {
    if ring.count < Self.capacity {
      ring.append(batch)
    } else {
      ring[first] = batch
      first = (first + 1) % Self.capacity
    }
  }

  mutating func removeAll() {
    ring.removeAll(keepingCapacity: true)
    first = 0
  }

  /// Where the batch with `offset` begins; nil when it is older than the ring. The offset must be below the log's end.
  func position(of offset: Int64) -> Int? {
    guard !ring.isEmpty, offset >= self[0].offset else { return nil }
    return self[partitionPoint { $0.offset > offset } - 1].position
  }

  /// The last start of a batch at or before `limit`, and the first one after `position`; nil when `position` is older
  /// than the ring.
  func boundaries(after position: Int, limit: Int) -> (last: Int, next: Int?)? {
    guard !ring.isEmpty, position >= self[0].position else { return nil }
    let next = partitionPoint { $0.position > position }
    let last = self[partitionPoint { $0.position > limit } - 1].position
    return (last, next < count ? self[next].position : nil)
  }

  private func partitionPoint(_ isAfter: (Batch) -> Bool) -> Int {
    (0..<count).partitionPoint { isAfter(self[$0]) }
  }
}
