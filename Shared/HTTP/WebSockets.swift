import EventLoop
import Wire

/// The WebSockets of one kind that a process has open: their limits, and the one timer that pings the silent and closes
/// the dead.
///
///     let sockets = WebSockets()
///     sockets.accept(request) { connection in Chat(connection) }     // answers the request, one way or the other
///
/// **Bounds.** Each connection has its own, in `Limits`; how many connections there are is the caller's to decide before it
/// accepts one.
@Loop public final class WebSockets {
  /// What one client may use.
  public struct Limits: Sendable {
    /// Bytes of a message; beyond, the client is closed with 1009.
    public var message = 64 * 1024
    /// Bytes that may wait for a client.
    public var output = 256 * 1024
    /// What a client is told that does not take them.
    public var slowClient = WebSocketClose(.tryAgainLater, reason: "messages are not taken fast enough")
    /// A client that was silent for so long is pinged.
    public var pingAfter = Duration.seconds(25)
    /// And is dropped when then nothing comes for so long. So is one that takes nothing of what waits for it.
    public var pongTime = Duration.seconds(15)
    /// What such a client is told, should it hear after all; nil for nothing.
    public var silentClient: WebSocketClose?
    /// How long a client has to answer our Close.
    public var closeTime = Duration.seconds(5)

    /// The limits of a public server.
    public init() {}
  }

  /// What one client may use.
  public let limits: Limits
  private let connections: Deadlines<WebSocketConnection>
  private var emptied: Promise<Void>?

  /// How many connections are open or closing.
  public var count: Int { connections.count }
  /// How many clients were closed because they did not take what was sent to them.
  public internal(set) var slowClients = 0

  /// Makes a group without connections.
  public init(limits: Limits = Limits()) {
    self.limits = limits
    let shortest = min(limits.pingAfter, limits.pongTime, limits.closeTime)
    connections = Deadlines(resolution: max(.milliseconds(10), min(.seconds(1), shortest / 8)))
  }

  /// Opens the WebSocket that `request` asks for. `make` is given the connection and returns whoever is to be told what
  /// arrives on it; it may send at once. A request that asks for none is answered with a problem document.
  ///
  /// Returns the connection; nil when there is none, because the request was refused or the client is gone.
  @discardableResult
  public func accept(
    _ request: HTTPRequest, subprotocols: [String] = [], _ make: (WebSocketConnection) -> any WebSocketDelegate
  ) -> WebSocketConnection? {
    let answer: HTTPResponseHead
    do {
      answer = try WebSocketHandshake.accept(request.head, subprotocols: subprotocols)
    } catch {
      var response = HTTPResponse.problem(status: error.status, code: error.rawValue, detail: error.detail)
      error.addHeaders(to: &response.head)
      request.answer(response)
      return nil
    }
    guard let (socket, leftover) = request.upgrade(answer) else { return nil }
    let connection = WebSocketConnection(socket, in: self)
    connections.add(connection)
    connection.begin(with: make(connection), leftover: leftover)
    return connection
  }

  /// Says farewell to all connections, evenly spread over `spread`, so that they do not all come back at once; drops those
  /// that are still there `limits.closeTime` later. The caller sees to it that no further ones are accepted.
  ///
  /// - Parameter farewell: sends what the dialect says at the end, if anything, and closes the connection.
  public func drain(over spread: Duration, _ farewell: @Loop (WebSocketConnection) -> Void) async {
    let leaving = connections.elements
    let steps = min(leaving.count, 100)
    for step in 0..<steps {
      for connection in leaving[leaving.count * step / steps..<leaving.count * (step + 1) / steps] {
        if connection.isOpen { farewell(connection) }
      }
      // A cancelled drain says farewell to the rest at once.
      if step + 1 < steps { try? await Loop.sleep(for: spread / (steps - 1)) }
    }
    if count > 0 {
      let emptied = Promise<Void>()
      self.emptied = emptied
      let timer = Loop.schedule(after: limits.closeTime) { emptied.fulfil(()) }
      try? await emptied.value
      timer.cancel()
    }
    stop()
  }

  /// Drops all connections at once.
  public func stop() {
    connections.stop()
    for connection in connections.elements { connection.drop() }
  }

  // MARK: The connections' side

  /// Grants the client so much time until it has to be heard from.
  func expect(_ connection: WebSocketConnection, within time: Duration) { connections.grant(time, to: connection) }

  func forget(_ connection: WebSocketConnection) {
    connections.remove(connection)
    if count == 0 { emptied?.fulfil(()) }
  }
}
