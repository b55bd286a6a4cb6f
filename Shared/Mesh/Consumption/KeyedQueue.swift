/// Work that waits its turn: pieces with the same key are done one after the other, in order; others side by side, up to a
/// limit.
///
/// Keys are hashes: two keys that collide wait for one another, which costs time and nothing else.
struct KeyedQueue<Work> {
  /// How many pieces may be under way.
  let limit: Int
  /// Pieces that may start as soon as there is room.
  private var ready: [(key: Int?, work: Work)] = []
  private var first = 0
  /// For each key with a piece that is ready or under way: those that wait behind it.
  private var behind: [Int: [Work]] = [:]

  /// Pieces under way.
  private(set) var running = 0
  /// Pieces that have not started.
  private(set) var waiting = 0

  init(limit: Int) { self.limit = limit }

  /// Adds a piece. Without a key it waits for nothing but room.
  mutating func add(_ work: Work, key: Int?) {
    waiting += 1
    guard let key else { return ready.append((nil, work)) }
    if behind[key] == nil {
      behind[key] = []
      ready.append((key, work))
    } else {
      behind[key]?.append(work)
    }
  }

  /// The next piece to start, if one may; `finish` must follow with its key.
  mutating func start() -> (key: Int?, work: Work)? {
    guard running < limit, first < ready.count else { return nil }
    let piece = ready[first]
    first += 1
    if first == ready.count || first >= 1024 {
      ready.removeFirst(first)
      first = 0
    }
    running += 1
    waiting -= 1
    return piece
  }

  /// Notes that a piece is done: the next one with its key may start.
  mutating func finish(key: Int?) {
    running -= 1
    guard let key else { return }
    guard var queue = behind[key], !queue.isEmpty else {
      behind[key] = nil
      return
    }
    // Queues behind one key are short; what is popular is served in order anyway.
    ready.append((key, queue.removeFirst()))
    behind[key] = queue
  }
}
