import EventLoop

/// Gathers many small writes into few commits.
///
/// While one commit is under way, what arrives waits; then all of it goes at once, in order of arrival, in one
/// transaction. There is no delay to wait for company: a lone write goes at once.
///
/// Each item succeeds or fails by itself. When one fails, the transaction is undone; what came before it goes again as
/// one transaction, it goes alone, and then what came after it.
@Loop public final class BatchWriter {
  @Loop private final class Item {
    let statements: [SQL]
    let origin: Origin
    let promise = Promise<[Rows]>()
    var attempts = 0

    init(_ statements: [SQL], _ origin: Origin) { (self.statements, self.origin) = (statements, origin) }
  }

  private enum Outcome {
    case committed([[Rows]])
    /// Not committed; the item at fault, if one is known.
    case failed(at: Int?, PostgresError)
    case unknown(PostgresError)
  }

  /// How often an item that is alone is tried when its error is a passing one.
  private static let maxAttempts = 3

  private let pool: Pool
  private let maxBatch: Int
  private let maxWaiting: Int
  private var waiting = FIFO<Item>()
  private var isRunning = false

  /// Writes to `database` over one connection of its own.
  ///
  /// - Parameters:
  ///   - maxBatch: How many statements go into one transaction.
  ///   - maxWaiting: How many items may wait; more are refused as `overloaded`.
  public init(_ database: Database, maxBatch: Int = 512, maxWaiting: Int = 8192) {
    precondition(maxBatch > 0 && maxBatch < database.configuration.maxInFlight / 4)
    pool = Pool(database.configuration, size: 1)
    (self.maxBatch, self.maxWaiting) = (maxBatch, maxWaiting)
  }

  /// Writes one item, whose statements take effect together, and returns their answers when they are committed.
  ///
  /// Throws `PostgresError`; kind `commitUnknown` when the connection broke on the way. A cancelled task gets
  /// `CancellationError` at once; its item is written unless it was still waiting.
  @discardableResult
  public func write(_ statements: SQL..., file: StaticString = #fileID, line: UInt = #line) async throws -> [Rows] {
    try await write(statements, file: file, line: line)
  }

  /// Writes one item, whose statements take effect together, and returns their answers when they are committed.
  @discardableResult
  public func write(_ statements: [SQL], file: StaticString = #fileID, line: UInt = #line) async throws -> [Rows] {
    try Task.checkCancellation()
    guard statements.count <= maxBatch else {
      throw PostgresError(.invalid, "an item of \(statements.count) statements is larger than a batch, \(maxBatch)")
    }
    guard waiting.count < maxWaiting else {
      throw PostgresError(.overloaded, "\(waiting.count) items wait to be written already")
    }
    let item = Item(statements, Origin(file, line))
    waiting.append(item)
    if !isRunning {
      isRunning = true
      Loop.task { [self] in await run() }
    }
    return try await item.promise.value
  }

  /// Ends it. What waits fails.
  public func close() { pool.close() }

  private func run() async {
    while let batch = takeBatch() {
      // Parts of the batch that are still to be written, the next one last.
      var parts = [batch[...]]
      while let part = parts.popLast() { parts += await write(part) }
    }
    isRunning = false
  }

  private func takeBatch() -> [Item]? {
    var batch: [Item] = []
    var statements = 0
    while let item = waiting.first, batch.isEmpty || statements + item.statements.count <= maxBatch {
      _ = waiting.popFirst()
      guard !item.promise.isSettled else { continue }
      statements += item.statements.count
      batch.append(item)
    }
    return batch.isEmpty ? nil : batch
  }

  /// Writes a part and settles its items, or returns the smaller parts that it must be divided into, in reverse order.
  private func write(_ part: ArraySlice<Item>) async -> [ArraySlice<Item>] {
    switch await attempt(part) {
    case .committed(let rows):
      for (item, rows) in zip(part, rows) { item.promise.fulfil(rows) }
    case .unknown(let error):
      for item in part { item.promise.fail(error) }
    case .failed(let position, let error):
      if part.count == 1, let item = part.first {
        item.attempts += 1
        if error.isRetryable, item.attempts < Self.maxAttempts { return [part] }
        item.promise.fail(error)
      } else if position == nil, error.kind != .server {
        for item in part { item.promise.fail(error) }
      } else {
        let middle = part.startIndex + (position ?? part.count / 2)
        let alone = position == nil ? middle : middle + 1
        return [part[alone...], part[middle..<alone], part[..<middle]].filter { !$0.isEmpty }
      }
    }
    return []
  }

  private func attempt(_ part: ArraySlice<Item>) async -> Outcome {
    let connection: Connection
    do {
      connection = try await pool.borrow()
    } catch {
      return .failed(at: nil, error as? PostgresError ?? PostgresError(.unavailable, "\(error)"))
    }
    let outcome = await send(part, on: connection)
    if case .failed = outcome, connection.isOpen, !connection.isIdle {
      do { _ = try await connection.finish("ROLLBACK") } catch { connection.close() }
    }
    pool.giveBack(connection)
    return outcome
  }

  private func send(_ part: ArraySlice<Item>, on connection: Connection) async -> Outcome {
    await withCheckedContinuation { continuation in
      var rows = part.map { _ in [Rows]() }
      var culprit: (position: Int, error: PostgresError)?
      connection.send("BEGIN", endsSegment: false, origin: nil) { _ in }
      for (position, item) in part.enumerated() {
        for statement in item.statements {
          connection.send(statement, endsSegment: false, origin: item.origin) { outcome in
            switch outcome {
            case .success(let answer): rows[position].append(answer)
            case .failure(let error):
              if culprit == nil, !error.isConsequence, error.kind != .connectionLost { culprit = (position, error) }
            }
          }
        }
      }
      connection.send("COMMIT", endsSegment: true, origin: nil) { outcome in
        continuation.resume(returning: Self.judge(outcome, rows, culprit))
      }
    }
  }

  private static func judge(
    _ commit: Result<Rows, PostgresError>, _ rows: [[Rows]], _ culprit: (position: Int, error: PostgresError)?
  ) -> Outcome {
    if let culprit { return .failed(at: culprit.position, culprit.error) }
    switch commit {
    case .success(let answer) where answer.tag == "COMMIT": return .committed(rows)
    case .success: return .failed(at: nil, PostgresError(.server, "the transaction was rolled back"))
    case .failure(let error) where error.kind == .connectionLost: return .unknown(error.afterCommit)
    case .failure(let error): return .failed(at: nil, error)
    }
  }
}

extension PostgresError {
  /// The same loss, of a connection over which COMMIT had been sent.
  var afterCommit: PostgresError {
    var error = self
    error.kind = .commitUnknown
    error.message = "the connection broke during COMMIT (\(message)): the outcome is unknown"
    return error
  }
}
