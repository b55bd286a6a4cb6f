import Contract
import Crypto
import EventLoop
import HTTP
import Mesh
import Wire

/// Whoever speaks the protocol above Engine.IO in one session.
@Loop protocol EngineIODelegate: AnyObject {
  /// Whether the client has joined what it connected for, and not left. A session without is closed when its ping is due.
  var hasJoined: Bool { get }
  /// A message has arrived.
  func received(_ message: ArraySlice<UInt8>)
  /// The session is over; nothing will be called any more. `isOrderly` says whether the client itself has ended it,
  /// `silence` for how long nothing was heard of it before.
  func closed(isOrderly: Bool, silentFor silence: Duration)
}

/// Engine.IO 4: sessions over long-polling and WebSocket, and the way from the one to the other.
///
/// **Overview.** A session begins with a request without `sid` and ends by its own words, by silence, or with its
/// WebSocket. Each session is an `EngineIOSession`; this finds the one that a request is for. Sessions live in this
/// process: requests of one session have to come to one gateway, so balancers keep clients to theirs.
///
/// **Bounds.** Sessions in all; of each, what a body may carry, what may wait for it, and the time without a pong.
///
/// The protocol: https://socket.io/docs/v4/engine-io-protocol
@Loop final class EngineIOServer {
  /// Bounds and times.
  struct Options {
    /// Sessions in all.
    var sessions = 50_000
    /// How often clients are pinged.
    var pingInterval = Duration.seconds(25)
    /// How long they have to answer: both together leave presence time to tell that somebody is gone within 45 s.
    var pingTimeout = Duration.seconds(15)
    /// Bytes of a body or a message from a client.
    var maximumPayload = 100_000
    /// Bytes that may wait for a client.
    var output = 256 * 1024
    /// How long a client may try WebSocket before it moves there.
    var upgradeTime = Duration.seconds(10)
    /// How long a client has to end what this side has ended.
    var closeTime = Duration.seconds(5)
    /// Whether clients may move there.
    var mayUpgrade = true
  }

  /// Says who speaks in a new session, given the request that it began with.
  typealias Make = @Loop (EngineIOSession, HTTPRequestHead) -> any EngineIODelegate

  let options: Options
  let sockets: WebSockets
  let deadlines: Deadlines<EngineIOSession>
  private let crossOrigin: CrossOrigin
  private let make: Make
  private var sessions: [String: EngineIOSession] = [:]
  private var random = BufferedRandom()
  private var isDraining = false

  /// How many sessions there are.
  var sessionCount: Int { sessions.count }
  /// How many were ended because their client did not fetch what waited for it.
  var slowClients: Int { slowPollers + sockets.slowClients }
  var slowPollers = 0

  init(_ options: Options = Options(), crossOrigin: CrossOrigin, _ make: @escaping Make) {
    (self.options, self.crossOrigin, self.make) = (options, crossOrigin, make)
    var limits = WebSockets.Limits()
    limits.message = options.maximumPayload
    limits.output = options.output
    // Engine.IO has pings of its own; those of WebSocket only find out who takes nothing that is sent.
    limits.pingAfter = options.pingInterval + options.pingTimeout
    limits.closeTime = options.closeTime
    sockets = WebSockets(limits: limits)
    let shortest = min(options.pingInterval, options.pingTimeout, options.closeTime)
    deadlines = Deadlines(resolution: max(.milliseconds(10), min(.seconds(1), shortest / 8)))
  }

  // MARK: Requests

  /// Answers a request to the path of Engine.IO, now or later.
  func handle(_ request: HTTPRequest) {
    if request.head.method == .options { return answer(request, preflight(request.head)) }
    do throws(EngineIORefusal) {
      try process(request)
    } catch {
      answer(request, error.response)
    }
  }

  private func process(_ request: HTTPRequest) throws(EngineIORefusal) {
    guard let target = try? RequestTarget(request.head) else { throw .badRequest }
    guard target.first("EIO") == "4" else { throw .unsupportedVersion }
    let isWebSocket: Bool
    switch target.first("transport") {
    case "polling": isWebSocket = false
    case "websocket": isWebSocket = true
    default: throw .unknownTransport
    }
    // Calls by script tags (JSONP) are for browsers of the past.
    guard target.first("j") == nil else { throw .badRequest }
    guard let id = target.first("sid") else { return try open(request, isWebSocket: isWebSocket) }
    guard let session = sessions[id] else { throw .unknownSession }
    switch (request.head.method, isWebSocket) {
    case (.get, false): try session.poll(request)
    case (.post, false): try session.post(request)
    case (.get, true): try session.probe(request)
    default: throw .badRequest
    }
  }

  private func open(_ request: HTTPRequest, isWebSocket: Bool) throws(EngineIORefusal) {
    guard request.head.method == .get else { throw .badHandshakeMethod }
    guard !isDraining, sessions.count < options.sessions else {
      var response = HTTPResponse.problem(
        status: 503, code: "overloaded", detail: "This gateway takes no more connections now; try again in a moment.")
      response.head.add("Retry-After", "1")
      return answer(request, response)
    }
    guard isWebSocket else {
      begin(with: request, over: nil)
      return
    }
    sockets.accept(request) { connection in begin(with: request, over: connection) }
  }

  @discardableResult
  private func begin(with request: HTTPRequest, over socket: WebSocketConnection?) -> EngineIOSession {
    // Whoever knows the name of a session can speak in it.
    let session = EngineIOSession(Base64URL.encode(randomBytes(15)), over: socket, of: self)
    sessions[session.id] = session
    deadlines.add(session)
    session.start(with: make(session, request.head), answering: socket == nil ? request : nil)
    return session
  }

  // MARK: Answers

  /// Answers a request with what every answer carries added.
  func answer(_ request: HTTPRequest, _ response: HTTPResponse) {
    var response = response
    AnswerHeaders.addAlways(to: &response.head, id: UniqueID(at: .now, using: &random))
    response.head.add("Cache-Control", AnswerHeaders.uncached)
    if crossOrigin.isActive { response.head.add("Vary", "Origin") }
    if let origin = request.head["origin"], crossOrigin.allows(origin) {
      response.head.add("Access-Control-Allow-Origin", origin)
    }
    request.answer(response)
  }

  private func preflight(_ head: HTTPRequestHead) -> HTTPResponse {
    var response = HTTPResponse(status: 204)
    response.head.add("Allow", "GET, POST, OPTIONS")
    if head["access-control-request-method"] != nil {
      response.head.add("Access-Control-Allow-Methods", "GET, POST")
      response.head.add("Access-Control-Allow-Headers", CrossOrigin.requestHeaders)
      response.head.add("Access-Control-Max-Age", "\(CrossOrigin.preflightAge.wholeSeconds)")
    }
    return response
  }

  // MARK: Sessions

  func forget(_ session: EngineIOSession) {
    guard sessions.removeValue(forKey: session.id) != nil else { return }
    deadlines.remove(session)
  }

  /// Takes no more sessions, ends those that there are, evenly spread over `spread`, and what is left after it.
  func drain(over spread: Duration) async {
    isDraining = true
    let leaving = Array(sessions.values)
    let steps = min(leaving.count, 100)
    for step in 0..<steps {
      for session in leaving[leaving.count * step / steps..<leaving.count * (step + 1) / steps] { session.close() }
      // A cancelled drain ends the rest at once.
      if step + 1 < steps { try? await Loop.sleep(for: spread / (steps - 1)) }
    }
    await sockets.drain(over: .zero) { $0.close(WebSocketClose(.goingAway)) }
    for session in sessions.values { session.drop() }
    deadlines.stop()
  }
}
