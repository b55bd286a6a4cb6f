import EventLoop
import Glibc
import Wire

/// An HTTP/1.1 server on the event loop.
///
/// **Overview.** The `Listener` hands each connection to an `HTTPConnection`, which drives the strict machine of `Wire`
/// and gives one `HTTPRequest` at a time to the handler. What breaks HTTP is answered here, with a problem document.
///
/// **Handlers.** One function for all requests; routing is the caller's. A callback handler answers at once or later and
/// costs no task; an async one runs in a task that begins without a hop and is cancelled when the client goes.
///
/// **Life cycle.** It serves from `init` until `drain` or `stop`. Open connections keep the server alive.
///
/// **Bounds.** Everything a client can make grow, or last, has one in `Limits`. One sweep over all connections looks for
/// what has lasted too long, so that a request sets no timers.
@Loop public final class HTTPServer {
  /// What one client may use. The sizes of heads are in `HTTPLimits`.
  public struct Limits: Sendable {
    /// Connections at a time; beyond, a connection gets 503 and is closed.
    public var connections = 60_000
    /// Bytes of a body, unless the handler sets `HTTPRequest.bodyLimit`.
    public var body = 1 << 20
    /// From a request's first byte, or a connection's beginning, to the end of the head.
    public var headTime = Duration.seconds(10)
    /// Without a request on an open connection.
    public var idleTime = Duration.seconds(75)
    /// How long each measurement of `bodyRate` and `answerRate` lasts.
    public var rateTime = Duration.seconds(10)
    /// Bytes a second that a body must bring, while it is being read.
    public var bodyRate = 1024
    /// Bytes a second that a client must take, while there is something for it.
    public var answerRate = 1024
    /// Bytes that may wait for a client before its further requests are left unread.
    public var output = 256 * 1024

    /// The limits of a public server.
    public init() {}

    /// What must move in one `rateTime` at `rate` bytes a second.
    func share(of rate: Int) -> Int { max(1, Int(Double(rate) * (rateTime / .seconds(1)))) }
  }

  /// Answers requests; called for each as soon as its head is there (if it has no body, when it is complete).
  public typealias Handler = @Loop (HTTPRequest) -> Void

  let limits: Limits
  let handler: Handler
  /// Told what handlers throw, for the log.
  public var failed: @Loop (any Error) -> Void = { _ in }
  /// Makes the problem document for a request that is refused before a handler sees it.
  public var problem: @Loop (HTTPRefusal) -> HTTPResponse = { .problem($0) }

  private var listener: Listener?
  private var connections: [HTTPConnection] = []
  private var sweeper: LoopTimer?
  private let interval: Duration
  private var emptied: Promise<Void>?
  /// Counts sweeps: the clock of everything that may last too long.
  private(set) var tick = 0
  private(set) var isDraining = false

  /// Where responses are put together before they go to their socket.
  var scratch: [UInt8] = []
  private var dateSecond = 0
  private var date: [UInt8] = []

  /// The address that is listened on, with the port that was chosen if 0 was asked for.
  public private(set) var address: SocketAddress
  /// Open connections, those that left HTTP not counted.
  public var connectionCount: Int { connections.count }
  /// Connections refused because there were too many, or no descriptors left.
  public var refusals: Int { refused + (listener?.refusals ?? 0) }
  private var refused = 0

  /// Serves on `address`; `handler` answers with callbacks.
  ///
  /// Throws `SocketError`, most often because the port is in use.
  public init(
    on address: SocketAddress, sharingPort: Bool = false, limits: Limits = Limits(), handler: @escaping Handler
  ) throws(SocketError) {
    self.limits = limits
    self.handler = handler
    let shortest = min(limits.headTime, limits.idleTime, limits.rateTime)
    interval = max(.milliseconds(10), min(.seconds(1), shortest / 8))
    self.address = address
    let listener = try Listener(on: address, sharingPort: sharingPort) { self.accept($0) }
    self.listener = listener
    self.address = listener.address
    sweep()
  }

  /// Serves on `address`; `answer` is async. See `HTTPRequest.answer(with:)` for what it may throw.
  public convenience init(
    on address: SocketAddress, sharingPort: Bool = false, limits: Limits = Limits(),
    answer: @escaping @Loop (HTTPRequest) async throws -> HTTPResponse
  ) throws(SocketError) {
    try self.init(on: address, sharingPort: sharingPort, limits: limits) { request in
      request.answer { try await answer(request) }
    }
  }

  /// Stops accepting, lets requests in progress finish, and closes what is left after `limit`. Idle connections close at
  /// once, the others with their next answer.
  public func drain(within limit: Duration) async {
    isDraining = true
    listener?.close()
    for connection in connections { connection.drain() }
    if !connections.isEmpty {
      let emptied = Promise<Void>()
      self.emptied = emptied
      let timer = Loop.schedule(after: limit) { emptied.fulfil(()) }
      // Cancelled or not, what is left is closed now.
      try? await emptied.value
      timer.cancel()
    }
    stop()
  }

  /// Closes everything at once.
  public func stop() {
    isDraining = true
    listener?.close()
    listener = nil
    sweeper?.cancel()
    for connection in connections { connection.close() }
  }

  // MARK: The connections' side

  private func accept(_ socket: Socket) {
    guard connections.count < limits.connections, !isDraining else {
      refused += 1
      var head = HTTPResponseHead(status: 503)
      head.add("Retry-After", "1")
      var bytes: [UInt8] = []
      head.encode(to: &bytes, length: .fixed(0), connection: .close, date: currentDate())
      socket.send(bytes)
      return socket.closeWhenDrained()
    }
    let connection = HTTPConnection(socket, of: self, index: connections.count)
    connections.append(connection)
    socket.delegate = connection
  }

  func forget(_ connection: HTTPConnection) {
    let last = connections.removeLast()
    if last !== connection {
      connections[connection.index] = last
      last.index = connection.index
    }
    if connections.isEmpty { emptied?.fulfil(()) }
  }

  /// So many sweeps last at least as long as `duration`.
  func ticks(_ duration: Duration) -> Int { Int((duration / interval).rounded(.up)) + 1 }

  private func sweep() {
    tick += 1
    // Backwards, because a connection that closes is replaced by the last one.
    for index in connections.indices.reversed() where index < connections.count { connections[index].sweep() }
    sweeper = Loop.schedule(after: interval) { [weak self] in self?.sweep() }
  }

  /// The `Date` header's value, made once a second.
  func currentDate() -> [UInt8] {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME_COARSE, &time)
    if time.tv_sec != dateSecond {
      dateSecond = time.tv_sec
      date = HTTPDate.encode(dateSecond)
    }
    return date
  }
}
