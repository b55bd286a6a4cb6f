import Contract

/// How much of what the index found has to be looked at for a page.
enum SearchPage {
  /// How many of some blocks, ordered by the time of their last message, to look at: enough to hold `count` messages, and
  /// always all that end at the same time.
  static func take(_ blocks: [(messages: Int, lastAt: Timestamp)], atLeast count: Int) -> Int {
    var sum = 0
    for (index, block) in blocks.enumerated() {
      if sum >= count, block.lastAt < blocks[index - 1].lastAt { return index }
      sum += block.messages
    }
    return blocks.count
  }
}

extension Entry {
  /// Whether it comes before `other` in a list with the newest on top.
  func isNewer(than other: Entry) -> Bool { (sentAt, id.value) > (other.sentAt, other.id.value) }
}
