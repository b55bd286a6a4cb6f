import CPostgres
import EventLoop
import Glibc

/// The owner of one `PGconn`.
private final class ConnectionHandle: @unchecked Sendable {
  // Sendable by hand: made on a background thread, then used on the loop alone.
  let pointer: OpaquePointer

  init(_ pointer: OpaquePointer) { self.pointer = pointer }
  deinit { PQfinish(pointer) }
}

/// One session with the server, always in pipeline mode: statements are sent without waiting for earlier ones, and
/// answers come back in order.
///
/// **Segments.** Statements up to a Sync form a segment. An error skips the rest of its segment. Outside a transaction
/// block a segment is a transaction that is committed at its Sync; so answers are handed over when the Sync has come
/// back, not before.
///
/// **Life cycle.** The loop keeps an open connection alive; `close()` or the loss of the connection lets go of it.
@Loop final class Connection: Flushable {
  typealias Completion = @Loop (Result<Rows, PostgresError>) -> Void

  /// What the server will answer next, in the order in which it was sent.
  private enum Step {
    case statement(Statement)
    case prepare(PreparedStatement, Origin?)
    case deallocate(String)
    case script(Statement)
    case sync

    var statement: (text: String, origin: Origin?)? {
      switch self {
      case .statement(let statement): (statement.text, statement.origin)
      case .prepare(let prepared, let origin): (prepared.key.text, origin)
      case .deallocate, .script, .sync: nil
      }
    }
  }

  private struct Statement {
    var text: String
    var origin: Origin?
    var prepared: PreparedStatement?
    var size: Int
    var completion: Completion
  }

  /// Name resolution, TLS, password hashing (thousands of rounds) and cancel requests block, so they happen here.
  nonisolated private static let background = BackgroundPool(threads: 4)

  private let configuration: Database.Configuration
  /// Longest silence of the server while it owes answers; nil without a limit on statements.
  private let silenceLimit: Duration?
  private var handle: ConnectionHandle?
  private var watch: Watch?
  private var statements: PreparedStatements
  private var unneeded: [String] = []

  private var steps = FIFO<Step>()
  private var bytesInFlight = 0
  private var outcome: Result<Rows, PostgresError>?
  private var segment: [(completion: Completion, outcome: Result<Rows, PostgresError>)] = []
  private var segmentError: PostgresError?
  private var segmentIsOpen = false
  /// Whether what failed was the preparation of the statement that comes next.
  private var failedPrepare = false
  private var inScript = false
  private var lastSign = Loop.now
  private var watchdog: LoopTimer?
  private var flushScheduled = false

  /// Called once, when the connection is closed or lost.
  var onClose: (@Loop (Connection) -> Void)?
  /// Called for each notification: channel and payload.
  var onNotification: (@Loop (_ channel: String, _ payload: String) -> Void)?
  /// Why the connection was lost.
  private(set) var lossReason: PostgresError?

  private init(_ handle: ConnectionHandle, _ configuration: Database.Configuration) {
    self.handle = handle
    self.configuration = configuration
    silenceLimit =
      configuration.statementTimeout > .zero ? configuration.statementTimeout + configuration.silenceGrace : nil
    statements = PreparedStatements(limit: configuration.preparedStatements)
    PQsetnonblocking(handle.pointer, 1)
    PQenterPipelineMode(handle.pointer)
    PQsetNoticeReceiver(
      handle.pointer,
      { connection, result in
        guard let connection, let result else { return }
        let severity = PQresultErrorField(result, CInt(UInt8(ascii: "V"))).map { String(cString: $0) } ?? "NOTICE"
        let message = PQresultErrorField(result, CInt(UInt8(ascii: "M"))).map { String(cString: $0) } ?? ""
        let owner = Unmanaged<Connection>.fromOpaque(connection).takeUnretainedValue()
        Loop.assumeIsolated { owner.heard(severity, message) }
      }, Unmanaged.passUnretained(self).toOpaque())
    let watch = Watch(PQsocket(handle.pointer)) { [self] in ready($0) }
    watch.interest = .readable
    self.watch = watch
  }

  /// Opens a session. Throws `PostgresError`: `unavailable`, or `invalid` when the URL cannot be understood.
  static func connect(_ configuration: Database.Configuration) async throws -> Connection {
    let parameters = try configuration.connectionParameters()
    let handle = try await background.run {
      var keywords = parameters.map { strdup($0.keyword) } + [nil]
      var values = parameters.map { strdup($0.value) } + [nil]
      defer { for text in keywords + values { free(text) } }
      let connection = keywords.withUnsafeMutableBufferPointer { keywords in
        values.withUnsafeMutableBufferPointer { values in
          keywords.withMemoryRebound(to: UnsafePointer<CChar>?.self) { keywords in
            values.withMemoryRebound(to: UnsafePointer<CChar>?.self) { values in
              PQconnectdbParams(keywords.baseAddress, values.baseAddress, 1)
            }
          }
        }
      }
      guard let connection else { throw PostgresError(.unavailable, "no memory for a connection") }
      let handle = ConnectionHandle(connection)
      guard PQstatus(connection) == CONNECTION_OK else {
        throw PostgresError(.unavailable, PostgresError.oneLine(PQerrorMessage(connection)))
      }
      return handle
    }
    return Connection(handle, configuration)
  }

  var isOpen: Bool { handle != nil }
  /// Whether the server owes nothing and no transaction is open.
  var isIdle: Bool { handle.map { steps.isEmpty && PQtransactionStatus($0.pointer) == PQTRANS_IDLE } ?? false }
  /// Whether a transaction block is open and the server owes nothing.
  var isInTransaction: Bool {
    handle.map { steps.isEmpty && PQtransactionStatus($0.pointer) == PQTRANS_INTRANS } ?? false
  }
  /// Whether the server owes answers.
  var isBusy: Bool { !steps.isEmpty || segmentIsOpen }

  // MARK: Sending

  /// Sends a statement. `completion` is called after the Sync that ends its segment has come back; `endsSegment` sends
  /// that Sync.
  func send(_ sql: SQL, endsSegment: Bool, origin: Origin?, completion: @escaping Completion) {
    guard let pointer = handle?.pointer else {
      return completion(.failure(lossReason ?? PostgresError(.connectionLost, "the connection is closed")))
    }
    if let refusal = refusal(of: sql) {
      var refusal = refusal
      (refusal.statement, refusal.origin) = (sql.text, origin)
      return completion(.failure(refusal))
    }
    becomeBusy()
    var prepared: PreparedStatement?
    var sent: CInt = 1
    if let known = statements.find(sql) {
      // One that is still being prepared may turn out to be wrong; then this one must not depend on it.
      if case .ready = known.state { prepared = known }
    } else {
      sent = dropUnneeded(pointer)
      let statement = statements.add(sql)
      if sent == 1 {
        sent = withUnsafeTemporaryAllocation(of: Oid.self, capacity: sql.parameters.count) { types in
          for (index, parameter) in sql.parameters.enumerated() { types[index] = parameter.type.rawValue }
          return PQsendPrepare(pointer, statement.name, sql.text, CInt(types.count), types.baseAddress)
        }
        steps.append(.prepare(statement, origin))
      }
      prepared = statement
    }
    if sent == 1 { sent = sql.send(to: pointer, prepared: prepared) }
    let size = sql.text.utf8.count + sql.bytes.count
    bytesInFlight += size
    segmentIsOpen = true
    steps.append(
      .statement(Statement(text: sql.text, origin: origin, prepared: prepared, size: size, completion: completion)))
    guard sent == 1 else { return lose(PostgresError(.connectionLost, PostgresError.oneLine(PQerrorMessage(pointer)))) }
    if endsSegment { sync() } else { scheduleFlush() }
  }

  /// Sends a statement that is a segment of its own.
  func send(_ sql: SQL, origin: Origin? = nil, completion: @escaping Completion) {
    send(sql, endsSegment: true, origin: origin, completion: completion)
  }

  /// Ends the segment that is open, if there is one.
  func sync() {
    guard let pointer = handle?.pointer, segmentIsOpen else { return }
    segmentIsOpen = false
    steps.append(.sync)
    guard PQpipelineSync(pointer) == 1 else {
      return lose(PostgresError(.connectionLost, PostgresError.oneLine(PQerrorMessage(pointer))))
    }
    scheduleFlush()
  }

  /// Sends several statements as one text, without parameters and without answers: for migrations. The connection must
  /// not be busy.
  func script(_ text: String) async throws {
    precondition(handle != nil && !isBusy, "scripts need a connection at rest")
    try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
      // Looked at here and no sooner: the way to this point may lead over other threads, and it may be lost meanwhile.
      guard let pointer = handle?.pointer else {
        let loss = PostgresError(.connectionLost, "it was lost before the script")
        return continuation.resume(throwing: lossReason ?? loss)
      }
      becomeBusy()
      inScript = true
      let statement = Statement(text: "a script", origin: nil, prepared: nil, size: 0) { outcome in
        continuation.resume(with: outcome.map { _ in }.mapError { $0 })
      }
      steps.append(.script(statement))
      guard PQexitPipelineMode(pointer) == 1, PQsendQuery(pointer, text) == 1 else {
        return lose(PostgresError(.connectionLost, PostgresError.oneLine(PQerrorMessage(pointer))))
      }
      scheduleFlush()
    }
  }

  /// Sends a statement that is a segment of its own and waits for its answer, whether or not the task is cancelled.
  func finish(_ sql: SQL, origin: Origin? = nil) async throws -> Rows {
    try await withCheckedThrowingContinuation { continuation in
      send(sql, origin: origin) { continuation.resume(with: $0.mapError { $0 }) }
    }
  }

  private func refusal(of sql: SQL) -> PostgresError? {
    if let problem = sql.problem { return PostgresError(.invalid, problem) }
    if sql.parameters.count > 65535 { return PostgresError(.invalid, "a statement has at most 65535 parameters") }
    if inScript { return PostgresError(.invalid, "a script is running on this connection") }
    if steps.count >= configuration.maxInFlight || bytesInFlight >= configuration.maxBytesInFlight {
      return PostgresError(.overloaded, "the connection is at its bound of statements or bytes under way")
    }
    return nil
  }

  /// Frees a place for one more prepared statement.
  private func dropUnneeded(_ pointer: OpaquePointer) -> CInt {
    if let evicted = statements.evictIfFull() { unneeded.append(evicted.name) }
    for name in unneeded {
      guard PQsendQueryParams(pointer, "DEALLOCATE \(name)", 0, nil, nil, nil, nil, 1) == 1 else { return 0 }
      steps.append(.deallocate(name))
    }
    unneeded.removeAll()
    return 1
  }

  private func scheduleFlush() {
    guard !flushScheduled else { return }
    flushScheduled = true
    Loop.flushAtEndOfTurn(self)
  }

  /// Called by the loop at the end of a turn.
  func flush() {
    flushScheduled = false
    guard let pointer = handle?.pointer else { return }
    switch PQflush(pointer) {
    case 0: watch?.interest = .readable
    case 1: watch?.interest = [.readable, .writable]
    default: lose(PostgresError(.connectionLost, PostgresError.oneLine(PQerrorMessage(pointer))))
    }
  }

  // MARK: Receiving

  private func ready(_ readiness: Readiness) {
    guard let pointer = handle?.pointer else { return }
    lastSign = Loop.now
    if readiness.contains(.writable) { flush() }
    guard isOpen else { return }
    let alive = PQconsumeInput(pointer) == 1
    takeResults()
    takeNotifications()
    if isOpen, !alive || PQstatus(pointer) == CONNECTION_BAD {
      lose(PostgresError(.connectionLost, PostgresError.oneLine(PQerrorMessage(pointer))))
    }
  }

  private func takeResults() {
    while let pointer = handle?.pointer, let step = steps.first, PQisBusy(pointer) == 0 {
      if let result = PQgetResult(pointer) {
        take(ResultHandle(result), of: step)
      } else if outcome != nil {
        finish(step)
      } else {
        return lose(PostgresError(.connectionLost, PostgresError.oneLine(PQerrorMessage(pointer))))
      }
    }
  }

  private func take(_ result: ResultHandle, of step: Step) {
    switch PQresultStatus(result.pointer) {
    case PGRES_PIPELINE_SYNC: finishSegment()
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
      // A script goes on to its end; the first error in it counts.
      if case .failure = outcome { break }
      outcome = .success(Rows(result: result))
    case PGRES_PIPELINE_ABORTED:
      var error = segmentError ?? PostgresError(.server, "an earlier statement of the pipeline failed")
      // A statement that could not be prepared is at fault itself.
      error.isConsequence = !failedPrepare
      failedPrepare = false
      outcome = .failure(error)
    case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
      lose(PostgresError(.invalid, "COPY is not supported here"))
    default:
      let error = PostgresError(
        result: result.pointer, statement: step.statement?.text, origin: step.statement?.origin)
      failedPrepare = if case .prepare = step { true } else { false }
      segmentError = segmentError ?? error
      outcome = .failure(error)
      if error.endsSession { lossReason = error }
    }
  }

  private func finish(_ step: Step) {
    guard let outcome else { return }
    self.outcome = nil
    switch step {
    case .sync:
      // The error of a segment's commit comes before its Sync, which is still to be taken.
      return
    case .prepare(let prepared, _):
      if case .success = outcome { prepared.state = .ready } else { statements.remove(prepared) }
    case .deallocate(let name):
      if case .failure = outcome { unneeded.append(name) }
    case .statement(let statement):
      bytesInFlight -= statement.size
      if case .failure(let error) = outcome, let prepared = statement.prepared, error.state?.rawValue == "0A000" {
        // The tables have changed under the prepared statement.
        statements.remove(prepared)
        unneeded.append(prepared.name)
      }
      segment.append((statement.completion, outcome))
    case .script(let statement):
      inScript = false
      segmentError = nil
      if let handle { PQenterPipelineMode(handle.pointer) }
      _ = steps.popFirst()
      return statement.completion(outcome)
    }
    _ = steps.popFirst()
  }

  private func finishSegment() {
    guard case .sync? = steps.popFirst() else {
      return lose(PostgresError(.connectionLost, "the server answered out of turn"))
    }
    let finished = segment
    var error = segmentError
    error?.isConsequence = true
    segment.removeAll(keepingCapacity: finished.count <= 256)
    segmentError = nil
    for (completion, outcome) in finished {
      // What succeeded before an error outside a transaction block was rolled back with it.
      if let error, case .success = outcome { completion(.failure(error)) } else { completion(outcome) }
    }
  }

  private func takeNotifications() {
    while let pointer = handle?.pointer, let notification = PQnotifies(pointer) {
      let channel = String(cString: notification.pointee.relname)
      let payload = String(cString: notification.pointee.extra)
      PQfreemem(notification)
      onNotification?(channel, payload)
    }
  }

  private func heard(_ severity: String, _ message: String) {
    // What ends a session at rest arrives as a remark.
    if severity == "FATAL" || severity == "PANIC" { lossReason = PostgresError(.connectionLost, message) }
    configuration.onNotice?(severity, message)
  }

  // MARK: Ending

  /// Asks the server to stop what it is doing for this session. Returns when the server has taken the request, so that
  /// what is sent afterwards is not hit by it.
  func cancelRunning() async {
    guard let pointer = handle?.pointer, let cancel = PQgetCancel(pointer) else { return }
    nonisolated(unsafe) let request = cancel  // Used by one background thread, which also frees it.
    do {
      try await Self.background.run {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { message in
          _ = PQcancel(request, message.baseAddress, CInt(message.count))
        }
        PQfreeCancel(request)
      }
    } catch {
      PQfreeCancel(request)
      close()
    }
  }

  /// Ends the session. What is under way fails.
  func close() { lose(PostgresError(.connectionLost, "the connection was closed")) }

  private func becomeBusy() {
    guard steps.isEmpty, let silenceLimit else { return }
    lastSign = Loop.now
    if watchdog?.isArmed != true { watch(for: silenceLimit, after: silenceLimit) }
  }

  /// Gives the connection up when the server, owing answers, has been silent for `limit`.
  private func watch(for limit: Duration, after delay: Duration) {
    watchdog = Loop.schedule(after: delay) { [weak self] in
      guard let self, isOpen, !steps.isEmpty else { return }
      let silence = lastSign.duration(to: Loop.now)
      if silence >= limit {
        lose(PostgresError(.connectionLost, "the server has not answered for \(limit)"))
      } else {
        watch(for: limit, after: limit - silence)
      }
    }
  }

  private func lose(_ reason: PostgresError) {
    guard handle != nil else { return }
    let reason = lossReason ?? reason
    lossReason = reason
    watch?.cancel()
    watchdog?.cancel()
    handle = nil
    for (completion, outcome) in segment {
      if case .failure = outcome { completion(outcome) } else { completion(.failure(reason)) }
    }
    segment.removeAll()
    while let step = steps.popFirst() {
      guard case .statement(let statement) = step else {
        if case .script(let script) = step { script.completion(.failure(reason)) }
        continue
      }
      var error = reason
      (error.statement, error.origin) = (statement.text, statement.origin)
      statement.completion(.failure(error))
    }
    let onClose = onClose
    self.onClose = nil
    onNotification = nil
    onClose?(self)
  }
}

extension SQL {
  /// Hands the parameters to libpq, for a prepared statement or one that is parsed for this time only.
  fileprivate func send(to connection: OpaquePointer, prepared: PreparedStatement?) -> CInt {
    let count = parameters.count
    return bytes.withUnsafeBytes { bytes in
      withUnsafeTemporaryAllocation(of: UnsafePointer<CChar>?.self, capacity: count) { values in
        withUnsafeTemporaryAllocation(of: CInt.self, capacity: 2 * count) { numbers in
          for (index, parameter) in parameters.enumerated() {
            values[index] =
              parameter.length < 0
              ? nil : bytes.baseAddress.map { ($0 + parameter.start).assumingMemoryBound(to: CChar.self) }
            numbers[index] = CInt(clamping: max(0, parameter.length))
            numbers[count + index] = parameter.format
          }
          let lengths = numbers.baseAddress.map { UnsafePointer($0) }
          let formats = lengths.map { $0 + count }
          if let prepared {
            return PQsendQueryPrepared(
              connection, prepared.name, CInt(count), values.baseAddress, lengths, formats, 1)
          }
          return withUnsafeTemporaryAllocation(of: Oid.self, capacity: count) { types in
            for (index, parameter) in parameters.enumerated() { types[index] = parameter.type.rawValue }
            return PQsendQueryParams(
              connection, text, CInt(count), types.baseAddress, values.baseAddress, lengths, formats, 1)
          }
        }
      }
    }
  }
}
