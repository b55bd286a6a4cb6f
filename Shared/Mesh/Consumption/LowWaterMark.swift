/// Which messages of one partition are done, when they are done in any order: everything below the mark is, so the mark
/// is what may be committed.
struct LowWaterMark {
  /// Offsets under way, in order, each with whether it is done. The one at `front` never is; those before it are gone.
  private var underWay: [(offset: Int64, isDone: Bool)] = []
  private var front = 0
  /// Above every offset that was taken up.
  private var next: Int64?
  private var committed: Int64?

  /// Messages that are not done, or wait for an earlier one.
  var count: Int { underWay.count - front }

  /// The offset of the first message that is not done; nil before the first message.
  var mark: Int64? { front < underWay.count ? underWay[front].offset : next }

  /// Takes up a message; false when it was taken up before.
  mutating func begin(_ offset: Int64) -> Bool {
    guard offset >= next ?? offset else { return false }
    next = offset + 1
    underWay.append((offset, false))
    return true
  }

  /// Notes that a message is done. May be repeated.
  mutating func finish(_ offset: Int64) {
    guard let index = index(of: offset) else { return }
    underWay[index].isDone = true
    while front < underWay.count, underWay[front].isDone { front += 1 }
    // Forgetting a part at a time keeps the cost of each message constant.
    if front == underWay.count || front >= 1024 {
      underWay.removeFirst(front)
      front = 0
    }
  }

  /// The mark, if it has moved since it was last taken.
  mutating func takeToCommit() -> Int64? {
    guard let mark, mark != committed else { return nil }
    committed = mark
    return mark
  }

  /// Notes that the mark that was taken was not committed: it is to be taken again.
  mutating func giveBack() { committed = nil }

  private func index(of offset: Int64) -> Int? {
    var (low, high) = (front, underWay.count)
    while low < high {
      let middle = (low + high) / 2
      if underWay[middle].offset < offset { low = middle + 1 } else { high = middle }
    }
    return low < underWay.count && underWay[low].offset == offset ? low : nil
  }
}
