import TestKit
import Testing
import Wire

@testable import Broker

@Suite struct AnswerQueueTests {
  private func answer(_ number: Int) -> Answer {
    Answer(frame: HeartbeatResponse().frame(version: 0, correlationID: Int32(number)), records: [])
  }

  @Test func `answers leave in the order of their requests, whenever they are given`() {
    var random = SeededRandom.fromEnvironment()
    var queue = AnswerQueue()
    var sent: [[UInt8]] = []
    var open: [Int] = []
    var made = 0
    while made < 500 || !open.isEmpty {
      if made < 500, open.isEmpty || Bool.random(using: &random) {
        #expect(queue.reserve() == made)
        open.append(made)
        made += 1
      } else {
        let slot = open.remove(at: Int.random(in: 0..<open.count, using: &random))
        queue.complete(slot, with: answer(slot)) { sent.append($0.frame.bytes) }
      }
      #expect(queue.count == made - sent.count)
    }
    #expect(queue.isEmpty)
    #expect(sent == (0..<500).map { answer($0).frame.bytes })
  }

  @Test func `a request that wants no answer holds nobody up`() {
    var queue = AnswerQueue()
    var sent = 0
    let slots = (0..<3).map { _ in queue.reserve() }
    queue.complete(slots[2], with: answer(2)) { _ in sent += 1 }
    queue.complete(slots[1], with: nil) { _ in sent += 1 }
    #expect(sent == 0)
    queue.complete(slots[0], with: answer(0)) { _ in sent += 1 }
    #expect(sent == 2)
    #expect(queue.isEmpty)
  }
}
