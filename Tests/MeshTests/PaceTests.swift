import EventLoop
import Testing

@testable import Mesh

/// When events leave.
@Suite(.timeLimit(.minutes(1))) struct PaceTests {
  @Test @Loop func `the first leaves at once, and what comes soon after it together and in order`() async throws {
    var left: [[Int]] = []
    let rest = Promise<Void>()
    let pace = Pace<Int>(.milliseconds(50), burst: 1) {
      left.append($0)
      if left.count == 2 { rest.fulfil(()) }
    }
    let began = ContinuousClock.now
    pace.add([1, 2])
    #expect(left == [[1, 2]])
    pace.add([3])
    pace.add([])
    pace.add([4, 5])
    #expect(left.count == 1 && pace.count == 3)
    try await rest.value
    #expect(left == [[1, 2], [3, 4, 5]])
    #expect(ContinuousClock.now - began >= .milliseconds(49))
    // After a rest the next one leaves at once again.
    try await Loop.sleep(for: .milliseconds(60))
    pace.add([6])
    #expect(left.last == [6])
  }

  @Test @Loop func `while there are few each leaves at once, and a rest makes room for as many again`() async throws {
    var left: [[Int]] = []
    let pace = Pace<Int>(.milliseconds(20), burst: 3) { left.append($0) }
    for number in 1...5 { pace.add([number]) }
    #expect(left == [[1], [2], [3]])
    try await Loop.sleep(for: .milliseconds(100))
    #expect(left == [[1], [2], [3], [4, 5]])
    for number in 6...7 { pace.add([number]) }
    #expect(left.suffix(2) == [[6], [7]])
  }

  @Test @Loop func `a flush takes those along that wait`() {
    var left: [Int] = []
    let pace = Pace<Int>(.seconds(60), burst: 1) { left += $0 }
    pace.add([1])
    pace.add([2])
    pace.flush()
    #expect(left == [1, 2] && pace.count == 0)
  }
}
