/// Keeps a bounded number of segments open, closing those that were not used for longest (second-chance clock).
///
/// Segments that must stay open (unflushed data: a reopened file might not report a lost write) come on top of the
/// bound. Closing a segment here does not disturb a slice of it that is being sent: the slice holds the file itself.
final class FileCache {
  private let capacity: Int
  private var open: [Segment] = []
  private var hand = 0

  init(capacity: Int) { self.capacity = capacity }

  /// Files open now.
  var count: Int { open.count }

  /// Notes that `segment` was opened, and closes another one when there are too many.
  func admit(_ segment: Segment) {
    if open.count >= capacity { evict() }
    open.append(segment)
  }

  /// Forgets a segment that was closed by its owner.
  func remove(_ segment: Segment) {
    guard let index = open.firstIndex(where: { $0 === segment }) else { return }
    open.swapAt(index, open.count - 1)
    open.removeLast()
  }

  /// Lets go of all segments.
  func removeAll() {
    open.removeAll()
  }

  private func evict() {
    // Two turns: the first may only clear marks. None is found when all hold unflushed data.
    for _ in 0..<open.count * 2 {
      hand = (hand + 1) % open.count
      let segment = open[hand]
      guard segment.mayClose else { continue }
      if segment.wasUsed {
        segment.wasUsed = false
      } else {
        open.swapAt(hand, open.count - 1)
        open.removeLast()
        return segment.closeFile()
      }
    }
  }
}
