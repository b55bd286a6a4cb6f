import Testing

@testable import EventLoop
import TestKit

@Suite struct TimerTests {
  @Test @Loop func `timers fire in the order of their deadlines, not of their making`() async throws {
    var fired: [Int] = []
    for delay in [5, 1, 4, 2, 3] {
      Loop.schedule(after: .milliseconds(10 * delay)) { fired.append(delay) }
    }
    try await Loop.sleep(for: .milliseconds(80))
    #expect(fired == [1, 2, 3, 4, 5])
  }

  @Test @Loop func `a cancelled timer never fires and one that is reset fires once, at its new time`() async throws {
    var fired: [String] = []
    let cancelled = Loop.schedule(after: .milliseconds(5)) { fired.append("cancelled") }
    let moved = Loop.schedule(after: .milliseconds(5)) { fired.append("moved") }
    Loop.schedule(after: .milliseconds(20)) { fired.append("between") }
    cancelled.cancel()
    moved.reset(after: .milliseconds(40))
    #expect(moved.isArmed)
    try await Loop.sleep(for: .milliseconds(60))
    #expect(fired == ["between", "moved"])
    #expect(!moved.isArmed)
  }

  @Test @Loop func `the heap gives back any mixture of armed, moved and disarmed timers in order`() {
    var random = SeededRandom.fromEnvironment()
    var heap = TimerHeap()
    let start = ContinuousClock.now
    var armed: [ObjectIdentifier: (timer: LoopTimer, at: ContinuousClock.Instant)] = [:]
    let timers = (0..<200).map { _ in LoopTimer {} }
    for _ in 0..<5000 {
      let timer = timers.randomElement(using: &random)!
      if Bool.random(using: &random) {
        let deadline = start.advanced(by: .microseconds(Int.random(in: 0..<1000, using: &random)))
        heap.arm(timer, at: deadline)
        armed[ObjectIdentifier(timer)] = (timer, deadline)
      } else {
        heap.disarm(timer)
        armed[ObjectIdentifier(timer)] = nil
      }
      #expect(heap.next == armed.values.map(\.at).min())
    }
    var previous = start
    while let next = heap.next {
      #expect(next >= previous)
      previous = next
      let timer = heap.removeFirst()
      #expect(armed.removeValue(forKey: ObjectIdentifier(timer))?.at == next)
    }
    #expect(armed.isEmpty)
  }

  @Test @Loop func `a sleeping task that is cancelled wakes at once with CancellationError`() async {
    let task = Task { @Loop in try await Loop.sleep(for: .seconds(3600)) }
    try? await Loop.sleep(for: .milliseconds(5))
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
