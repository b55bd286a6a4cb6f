public import EventLoop

/// Asks an HTTP/1.1 server over connections that stay open, and keeps count of what comes back.
///
/// **Closed loop**: each connection asks, waits for the answer, and asks again. **Open loop**: requests fall due at a
/// fixed rate, whatever becomes of those before; each takes its time from when it was due, also while it waits for a
/// free connection, so that a server that stands still for a moment does not get away with it.
@Loop public final class HTTPLoad {
  /// How requests follow one another.
  public enum Pace: Sendable {
    /// Each as soon as its connection has had its answer.
    case closed
    /// So many a second.
    case open(perSecond: Int)
  }

  /// What is asked, and which answer is right. Requests are numbered from 0, over all runs.
  public struct Work {
    let request: @Loop (Int) -> [UInt8]
    let isRight: @Loop (Int, HTTPAnswer) -> Bool

    /// Takes the bytes of request `number`, and the judgement of its answer.
    public init(
      request: @escaping @Loop (_ number: Int) -> [UInt8],
      isRight: @escaping @Loop (_ number: Int, _ answer: HTTPAnswer) -> Bool
    ) {
      (self.request, self.isRight) = (request, isRight)
    }
  }

  /// What came of a run.
  public struct Result {
    /// How long the right answers took.
    public internal(set) var latencies = LatencyHistogram()
    /// From the first request to the last answer.
    public internal(set) var elapsed = Duration.zero
    /// Answers that were not right, by status.
    public internal(set) var errors: [Int: Int] = [:]
    /// Requests whose answer never came.
    public internal(set) var lost = 0
    /// Answers that nobody had asked for.
    public internal(set) var repeated = 0
    /// Requests that fell due while too many waited for a connection.
    public internal(set) var unsent = 0

    /// Right answers a second.
    public var perSecond: Double { Double(latencies.count) / max(elapsed / .seconds(1), 0.001) }

    /// Throws unless every request had exactly one answer, and the right one.
    public func check(_ name: String) throws {
      guard errors.isEmpty, lost == 0, repeated == 0, unsent == 0, latencies.count > 0 else {
        throw BenchFailure(
          "\(name): \(latencies.count) answered, errors by status \(errors), \(lost) lost, \(repeated) repeated, "
            + "\(unsent) not sent in time")
      }
    }
  }

  /// How long answers are waited for after the last request.
  private static let patience = Duration.seconds(20)
  /// Requests that may wait for a connection.
  private static let waitingLimit = 10_000

  private let work: Work
  private var connections: [HTTPLoadConnection] = []
  private var idle: [HTTPLoadConnection] = []
  private var waiting = FIFO<ContinuousClock.Instant>()
  private var nextNumber = 0
  private var result = Result()
  private var pace = Pace.closed
  private var left = 0
  /// When the next request of an open loop falls due.
  private var due = ContinuousClock.now
  private var underWay = 0
  private var until = ContinuousClock.now
  private var finished = Promise<Void>()

  /// Connects `count` times. Throws `SocketError`, or `BenchFailure` for an address that is not of this machine.
  public init(_ address: SocketAddress, connections count: Int, _ work: Work) async throws {
    guard address.isLoopback else { throw BenchFailure("\(address) is not of this machine: no load is put on it") }
    self.work = work
    for _ in 0..<count {
      let socket = try await Socket.connect(to: address)
      connections.append(HTTPLoadConnection(socket, self))
    }
    idle = connections
  }

  /// Closes the connections.
  public func close() {
    for connection in connections { connection.close() }
    connections = []
    idle = []
  }

  /// Asks for `duration`, at most `count` times, and waits for the answers.
  public func run(_ pace: Pace, count: Int = .max, for duration: Duration) async throws -> Result {
    (self.pace, result, left, finished) = (pace, Result(), count, Promise())
    let begin = ContinuousClock.now
    until = begin.advanced(by: duration)
    switch pace {
    case .closed:
      while left > 0, let connection = idle.popLast() { send(over: connection, due: .now) }
    case .open(let rate):
      due = begin
      sendDue(every: Duration.seconds(1) / rate)
    }
    let timer = Loop.schedule(after: duration + Self.patience) { [finished] in finished.fulfil(()) }
    try await finished.value
    timer.cancel()
    result.elapsed = ContinuousClock.now - begin
    result.lost += underWay
    return result
  }

  private func sendDue(every interval: Duration) {
    let now = ContinuousClock.now
    while due <= now, due < until, left > 0 {
      if let connection = idle.popLast() {
        send(over: connection, due: due)
      } else if waiting.count < Self.waitingLimit {
        left -= 1
        waiting.append(due)
      } else {
        result.unsent += 1
      }
      due += interval
    }
    guard due < until, left > 0 else {
      left = 0
      return finishIfDone()
    }
    Loop.schedule(after: now.duration(to: due)) { [weak self] in self?.sendDue(every: interval) }
  }

  private func send(over connection: HTTPLoadConnection, due: ContinuousClock.Instant) {
    left -= 1
    underWay += 1
    connection.send(work.request(nextNumber), number: nextNumber, due: due)
    nextNumber += 1
  }

  func answered(_ connection: HTTPLoadConnection, _ number: Int, _ answer: HTTPAnswer, due: ContinuousClock.Instant) {
    let now = ContinuousClock.now
    underWay -= 1
    if work.isRight(number, answer) {
      result.latencies.record(now - due)
    } else {
      result.errors[answer.status, default: 0] += 1
    }
    if let due = waiting.popFirst() {
      left += 1
      send(over: connection, due: due)
    } else if case .closed = pace, left > 0, now < until {
      send(over: connection, due: now)
    } else {
      idle.append(connection)
      finishIfDone()
    }
  }

  func answeredUnasked(_ connection: HTTPLoadConnection) { result.repeated += 1 }

  func broke(_ connection: HTTPLoadConnection, isUnderWay: Bool) {
    idle.removeAll { $0 === connection }
    guard isUnderWay else { return }
    underWay -= 1
    result.lost += 1
    finishIfDone()
  }

  private func finishIfDone() {
    let isOver =
      switch pace {
      case .closed: true
      case .open: left == 0 && waiting.isEmpty
      }
    if isOver, underWay == 0 { finished.fulfil(()) }
  }
}
