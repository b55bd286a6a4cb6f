/// A call that the loop makes at a later time.
///
/// Setting, moving and cancelling cost O(log n) and leave nothing behind, so a timer per request is affordable.
@Loop public final class LoopTimer {
  private let action: @Loop () -> Void
  /// Where the timer lies in the heap, or -1.
  fileprivate var position = -1
  fileprivate var deadline = ContinuousClock.Instant.now

  init(_ action: @escaping @Loop () -> Void) { self.action = action }

  /// Whether the call is still to come.
  public var isArmed: Bool { position >= 0 }

  /// Arms the timer anew, `delay` from now, whether or not it has fired or was cancelled.
  public func reset(after delay: Duration) {
    Reactor.shared.arm(self, at: ContinuousClock.now.advanced(by: delay))
  }

  /// Takes the call back. May be repeated.
  public func cancel() { Reactor.shared.disarm(self) }

  func fire() { action() }
}

/// The armed timers, as a heap with four children to a node: flat, and each timer knows its place.
@Loop struct TimerHeap {
  private var heap: [LoopTimer] = []

  var next: ContinuousClock.Instant? { heap.first?.deadline }

  mutating func arm(_ timer: LoopTimer, at deadline: ContinuousClock.Instant) {
    timer.deadline = deadline
    if timer.position < 0 {
      timer.position = heap.count
      heap.append(timer)
    }
    settle(timer)
  }

  mutating func disarm(_ timer: LoopTimer) {
    let hole = timer.position
    guard hole >= 0 else { return }
    timer.position = -1
    let last = heap.removeLast()
    guard last !== timer else { return }
    place(last, at: hole)
    settle(last)
  }

  mutating func removeFirst() -> LoopTimer {
    let first = heap[0]
    disarm(first)
    return first
  }

  private mutating func place(_ timer: LoopTimer, at position: Int) {
    heap[position] = timer
    timer.position = position
  }

  /// Moves `timer` up or down to where its deadline belongs.
  private mutating func settle(_ timer: LoopTimer) {
    while timer.position > 0 {
      let position = timer.position
      let parent = heap[(position - 1) / 4]
      guard timer.deadline < parent.deadline else { break }
      place(parent, at: position)
      place(timer, at: (position - 1) / 4)
    }
    while let child = earliestChild(of: timer.position), child.deadline < timer.deadline {
      let position = child.position
      place(child, at: timer.position)
      place(timer, at: position)
    }
  }

  private func earliestChild(of position: Int) -> LoopTimer? {
    let first = 4 * position + 1
    guard first < heap.count else { return nil }
    var earliest = heap[first]
    for sibling in heap[first...].prefix(4).dropFirst() where sibling.deadline < earliest.deadline {
      earliest = sibling
    }
    return earliest
  }
}
