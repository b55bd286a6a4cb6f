/// Where this process is in a channel's history: decides which of the events that it hears is next, known already, or too
/// far ahead, so that something in between must be read from the history first.
struct ChannelHead {
  /// What an event is, seen from here.
  enum Verdict: Equatable {
    /// The next one.
    case next
    /// One that was told already.
    case known
    /// Something before it was not heard: read the history.
    case beyond
  }

  /// Behind the last event that subscribers were told; nil until the history was first looked at.
  private(set) var position: Position?
  /// Whether the history must be read before more can be told.
  private(set) var isBehind = true
  /// The last event that was heard and not told.
  private var heard: Position?

  /// Events may have been lost on their way.
  mutating func doubt() { isBehind = true }

  /// Hears of an event at `next`.
  mutating func hear(_ next: Position) -> Verdict {
    if let position, position.epoch == next.epoch, next.offset <= position.offset { return .known }
    // The first event of a new epoch follows whatever came before: nothing that was sent is lost on an unbroken
    // connection.
    let follows = position.map { $0.epoch == next.epoch ? next.offset == $0.offset + 1 : next.offset == 1 }
    guard !isBehind, follows == true else {
      isBehind = true
      heard = next
      return .beyond
    }
    position = next
    return .next
  }

  /// Takes what the history says, read behind `position`: its head and the offsets of its events.
  /// - Returns: whether events are missing between what was told last and what was read.
  mutating func catchUp(to head: Position, first: UInt64?) -> Bool {
    defer {
      position = head
      // What was heard beyond the head was published after the reading, so there is more to read.
      isBehind = heard.map { $0.epoch == head.epoch && $0.offset > head.offset } ?? false
      heard = nil
    }
    guard let position else { return false }
    return Self.isGap(from: position, to: head, first: first)
  }

  /// Whether events are missing from what was read behind `position`: `first` is the first of them, `head` the last.
  static func isGap(from position: Position, to head: Position, first: UInt64?) -> Bool {
    guard position.epoch == head.epoch || position.epoch == 0 else { return true }
    let last = position.epoch == 0 ? 0 : position.offset
    if head.offset == last { return false }
    return first != last + 1
  }
}
