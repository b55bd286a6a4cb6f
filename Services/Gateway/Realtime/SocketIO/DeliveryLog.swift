import Contract

/// What one client was sent of its channels' kept events, in order: from it follows what the client has not got when it
/// says what it got last.
///
/// The last 128 events are remembered, and of each channel where the client was before those.
struct DeliveryLog {
  private static let limit = 128

  /// Where the client was in each of its channels before the events in `entries`.
  private(set) var positions: [Channel: Position]
  private var entries: [(channel: Channel, position: Position)] = []
  private var hasForgotten = false

  /// A client that is at these positions of its channels.
  init(_ positions: [Channel: Position] = [:]) { self.positions = positions }

  /// What a client shows to say that it got the event at `position`.
  static func offset(of channel: Channel, _ position: Position) -> String { "\(position) \(channel)" }

  /// The client listens to `channel`, from `position` on.
  mutating func subscribe(_ channel: Channel, at position: Position) { positions[channel] = position }

  /// The client listens to `channel` no more.
  mutating func unsubscribe(_ channel: Channel) { positions[channel] = nil }

  /// The client was sent the event at `position`.
  mutating func add(_ channel: Channel, _ position: Position) {
    if entries.count == 2 * Self.limit {
      for entry in entries.prefix(Self.limit) where positions[entry.channel] != nil {
        positions[entry.channel] = entry.position
      }
      entries.removeFirst(Self.limit)
      hasForgotten = true
    }
    entries.append((channel, position))
  }

  /// Where the client is in each of its channels when `offset` belongs to the last event that it got; nil for the offset
  /// when it got none. Nil when that is too long ago to know.
  func positions(after offset: String?) -> [Channel: Position]? {
    guard let offset else { return hasForgotten ? nil : positions }
    let found = entries.lastIndex { Self.offset(of: $0.channel, $0.position) == offset }
    guard let last = found else { return nil }
    var result = positions
    for entry in entries[...last] where positions[entry.channel] != nil { result[entry.channel] = entry.position }
    return result
  }
}
