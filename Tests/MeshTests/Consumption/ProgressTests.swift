import TestKit
import Testing

@testable import Mesh

@Suite struct ProgressTests {
  /// Outside of the macro, which cannot call what mutates.
  private func take(_ offset: Int64, _ progress: inout LowWaterMark) -> Bool { progress.begin(offset) }
  private func commit(_ progress: inout LowWaterMark) -> Int64? { progress.takeToCommit() }
  private func start(_ queue: inout KeyedQueue<String>) -> String? { queue.start()?.work }

  @Test func `the mark stays before the first message that is not done`() {
    var progress = LowWaterMark()
    #expect(commit(&progress) == nil)
    for offset: Int64 in [10, 11, 15] { #expect(take(offset, &progress) == true) }
    #expect(progress.mark == 10)
    progress.finish(11)
    progress.finish(15)
    #expect(progress.mark == 10 && progress.count == 3)
    progress.finish(10)
    #expect(progress.mark == 16 && progress.count == 0)
    #expect(commit(&progress) == 16)
    #expect(commit(&progress) == nil)
    progress.giveBack()
    #expect(commit(&progress) == 16)
  }

  @Test func `a message that comes twice is taken up once`() {
    var progress = LowWaterMark()
    #expect(take(5, &progress) == true)
    #expect(take(5, &progress) == false)
    #expect(take(4, &progress) == false)
    progress.finish(5)
    #expect(take(5, &progress) == false)
    progress.finish(5)
    #expect(progress.mark == 6)
  }

  @Test func `in any order of finishing the mark is the least offset that is not done`() {
    var random = SeededRandom.fromEnvironment()
    for _ in 0..<200 {
      var progress = LowWaterMark()
      var open: Set<Int64> = []
      var next: Int64 = .random(in: 0...5, using: &random)
      for _ in 0..<3000 {
        if Bool.random(using: &random) || open.isEmpty {
          next += .random(in: 1...3, using: &random)
          #expect(take(next, &progress) == true)
          open.insert(next)
        } else {
          let offset = open.randomElement(using: &random)!
          open.remove(offset)
          progress.finish(offset)
        }
        if progress.mark != open.min() ?? next + 1 { Issue.record("the mark is wrong") }
      }
    }
  }

  @Test func `equal keys wait for one another and others do not`() {
    var queue = KeyedQueue<String>(limit: 2)
    queue.add("a1", key: 1)
    queue.add("a2", key: 1)
    queue.add("b1", key: 2)
    queue.add("c1", key: nil)
    #expect(start(&queue) == "a1")
    #expect(start(&queue) == "b1")
    #expect(start(&queue) == nil)
    #expect(queue.waiting == 2 && queue.running == 2)
    queue.finish(key: 2)
    #expect(start(&queue) == "c1")
    queue.finish(key: 1)
    #expect(start(&queue) == "a2")
    queue.finish(key: 1)
    queue.finish(key: nil)
    #expect(queue.waiting == 0 && queue.running == 0)
    queue.add("a3", key: 1)
    #expect(start(&queue) == "a3")
  }
}
