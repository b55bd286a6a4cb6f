import EventLoop

/// Does `work` for each number below `count`, at most 64 at a time, and returns what came of each.
@Loop func each<Value: Sendable>(
  of count: Int, _ work: @escaping @Loop @Sendable (Int) async throws -> Value
) async throws -> [Value] {
  try await withThrowingTaskGroup(of: (Int, Value).self) { group in
    var results: [(Int, Value)] = []
    for number in 0..<count {
      if number >= 64, let result = try await group.next() { results.append(result) }
      group.addTask { (number, try await work(number)) }
    }
    for try await result in group { results.append(result) }
    return results.sorted { $0.0 < $1.0 }.map(\.1)
  }
}
