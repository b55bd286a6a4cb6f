import EventLoop
import Glibc
import Testing

@Suite struct ConcurrencyTests {
  @Test func `jobs from many threads all run on the loop, one at a time`() async {
    @Loop final class Counter { var value = 0 }
    let counter = await Task { @Loop in Counter() }.value
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<64 {
        group.addTask {
          for _ in 0..<200 {
            await Task { @Loop in
              #expect(Loop.isCurrent)
              counter.value += 1
            }.value
          }
        }
      }
    }
    #expect(await counter.value == 64 * 200)
    #expect(!Loop.isCurrent)
  }

  @Test func `a task of the loop stays on it where nothing says otherwise`() async {
    @concurrent func isOnLoop() async -> Bool { Loop.isCurrent }
    let places = await withCheckedContinuation { continuation in
      Loop.task {
        let before = await isOnLoop()
        await withCheckedContinuation { promise in
          Loop.schedule(after: .milliseconds(1)) { promise.resume() }
        }
        continuation.resume(returning: [before, Loop.isCurrent, await isOnLoop()])
      }
    }
    #expect(places == [true, true, true])
  }

  @Test @Loop func `work in the background leaves the loop free and brings back its value or its error`() async throws {
    let pool = BackgroundPool(threads: 2)
    defer { pool.stop() }
    var descriptors: [CInt] = [0, 0]
    #expect(pipe(&descriptors) == 0)
    let ends = descriptors
    defer { for end in ends { close(end) } }
    // The work ends only if the loop goes on meanwhile.
    Loop.schedule(after: .milliseconds(1)) { _ = write(ends[1], "x", 1) }
    let value = try await pool.run {
      var byte: UInt8 = 0
      return read(ends[0], &byte, 1) == 1 && !Loop.isCurrent ? byte : 0
    }
    #expect(value == UInt8(ascii: "x"))
    await #expect(throws: CancellationError.self) { try await pool.run { throw CancellationError() } }
  }

  @Test @Loop func `a background queue at its bound refuses more, and what it took is still done`() async throws {
    let pool = BackgroundPool(threads: 1, limit: 2)
    defer { pool.stop() }
    var descriptors: [CInt] = [0, 0]
    #expect(pipe(&descriptors) == 0)
    let ends = descriptors
    defer { for end in ends { close(end) } }
    let started = Promise<Void>()
    // Holds the one thread until the pipe is written to.
    let blocking = Task { @Loop in
      try await pool.run {
        Task { @Loop in started.fulfil(()) }
        var byte: UInt8 = 0
        return read(ends[0], &byte, 1)
      }
    }
    try await started.value
    let waiting = (1...2).map { number in Task { @Loop in try await pool.run { number } } }
    for _ in 0..<10 { await Task.yield() }
    await #expect(throws: BackgroundPool.Full.self) { try await pool.run { 3 } }
    #expect(write(ends[1], "x", 1) == 1)
    #expect(try await blocking.value == 1)
    var numbers: [Int] = []
    for task in waiting { numbers.append(try await task.value) }
    #expect(numbers == [1, 2])
  }

  @Test @Loop func `a promise gives its first outcome to whoever waits, before or after`() async throws {
    let early = Promise<Int>()
    early.fulfil(1)
    early.fulfil(2)
    #expect(try await early.value == 1)
    let late = Promise<Int>()
    Loop.schedule(after: .milliseconds(1)) { late.fulfil(3) }
    #expect(try await late.value == 3)
    let abandoned = Promise<Int>()
    let waiting = Task { @Loop in try await abandoned.value }
    try await Loop.sleep(for: .milliseconds(2))
    waiting.cancel()
    await #expect(throws: CancellationError.self) { try await waiting.value }
    #expect(abandoned.isSettled)
  }
}
