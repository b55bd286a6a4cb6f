import EventLoop
import TestKit
import Testing

@Loop private final class Patient: Overdue {
  var deadlineIndex = 0
  private(set) var overdueAt: [ContinuousClock.Instant] = []
  var react: @Loop () -> Void = {}

  func overdue() {
    overdueAt.append(.now)
    react()
  }
}

@Suite(.timeLimit(.minutes(1))) struct DeadlinesTests {
  @Test @Loop func `what shows no sign of life is told once, and not early`() async throws {
    let deadlines = Deadlines<Patient>(resolution: .milliseconds(10))
    let (silent, lively, patient) = (Patient(), Patient(), Patient())
    for element in [silent, lively, patient] { deadlines.add(element) }
    let started = ContinuousClock.now
    deadlines.grant(.milliseconds(60), to: silent)
    for _ in 0..<40 {
      deadlines.grant(.milliseconds(2000), to: lively)
      try await Loop.sleep(for: .milliseconds(5))
    }
    #expect(silent.overdueAt.count == 1)
    #expect(silent.overdueAt[0] - started >= .milliseconds(60))
    #expect(lively.overdueAt.isEmpty && patient.overdueAt.isEmpty)
    deadlines.stop()
  }

  @Test @Loop func `elements may leave in any order, also while others are told`() async throws {
    var random = SeededRandom.fromEnvironment()
    let deadlines = Deadlines<Patient>(resolution: .milliseconds(10))
    let all = (0..<100).map { _ in Patient() }
    for element in all {
      deadlines.add(element)
      element.react = { deadlines.remove(element) }
    }
    let leaving = Array(all.shuffled(using: &random).prefix(50))
    for element in leaving { deadlines.remove(element) }
    let staying = deadlines.elements
    #expect(staying.count == 50)
    for (index, element) in staying.enumerated() { #expect(element.deadlineIndex == index) }
    for element in staying { deadlines.grant(.milliseconds(20), to: element) }
    for _ in 0..<1000 where deadlines.count > 0 { try await Loop.sleep(for: .milliseconds(5)) }
    #expect(deadlines.count == 0)
    #expect(staying.allSatisfy { $0.overdueAt.count == 1 } && leaving.allSatisfy { $0.overdueAt.isEmpty })
    deadlines.stop()
  }
}
