import EventLoop
import Testing

@testable import Mesh

/// When messages leave.
@Suite(.timeLimit(.minutes(1))) struct AdaptiveLingerTests {
  @Test @Loop func `while little is under way everything is sent at once`() {
    let linger = AdaptiveLinger()
    var sent: [Int] = []
    for number in 1...8 { linger.send(underWay: number) { sent.append(number) } }
    #expect(sent == Array(1...8))
  }

  @Test @Loop func `while much is under way messages wait a moment and leave together, in order`() async throws {
    let linger = AdaptiveLinger()
    var sent: [Int] = []
    let all = Promise<Void>()
    linger.send(underWay: 9) { sent.append(1) }
    // What comes behind one that waits does not overtake it.
    linger.send(underWay: 1) { sent.append(2) }
    linger.send(underWay: 100) {
      sent.append(3)
      all.fulfil(())
    }
    #expect(sent.isEmpty)
    try await all.value
    #expect(sent == [1, 2, 3])
    linger.send(underWay: 1) { sent.append(4) }
    #expect(sent == [1, 2, 3, 4])
  }

  @Test @Loop func `the sixteenth takes those along that wait, and so does a flush`() {
    let linger = AdaptiveLinger()
    var sent = 0
    for _ in 1...15 { linger.send(underWay: 1000) { sent += 1 } }
    #expect(sent == 0)
    linger.send(underWay: 1000) { sent += 1 }
    #expect(sent == 16)
    linger.send(underWay: 1000) { sent += 1 }
    linger.flush()
    #expect(sent == 17)
  }
}
