import EventLoop
import HTTP
import Wire

/// One client's session of Engine.IO: packets in and out, over whichever transport it is on, and its heartbeat.
///
/// Over polling, packets wait in a queue until the client asks for them; one request may wait for packets in turn. A
/// request whose client has gone away takes nothing with it. A client may try WebSocket meanwhile (`probe`); with its
/// upgrade packet it moves there, and what waits in the queue goes first. So nothing is lost, and nothing comes twice or out
/// of order.
@Loop final class EngineIOSession {
  private enum Phase: UInt8 {
    case open
    /// A pong is awaited.
    case pinged
    /// The client has yet to fetch our farewell.
    case closing
    case closed
  }

  let id: String
  var deadlineIndex = 0
  private let server: EngineIOServer
  private var delegate: (any EngineIODelegate)?
  private var phase = Phase.open

  /// The WebSocket that the session is on; nil over polling.
  private var socket: WebSocketConnection?
  /// A WebSocket that the client is trying.
  private var candidate: WebSocketConnection?
  /// Whether it has shown there that it can.
  private var hasProbed = false
  /// The request that waits for packets.
  private var waiting: HTTPRequest?
  /// Whether a request with packets is being read.
  private var isPosting = false
  /// What waits to be fetched, in the form of text.
  private var queue: [[UInt8]] = []
  private var queuedBytes = 0
  private var isFlushing = false

  init(_ id: String, over socket: WebSocketConnection?, of server: EngineIOServer) {
    (self.id, self.socket, self.server) = (id, socket, server)
  }

  private var isOpen: Bool { phase == .open || phase == .pinged }

  /// Begins: says how the session is to be kept, over polling in answer to `request`.
  func start(with delegate: any EngineIODelegate, answering request: HTTPRequest?) {
    self.delegate = delegate
    let handshake = EngineIOHandshake(
      session: id, mayUpgrade: server.options.mayUpgrade && socket == nil, pingInterval: server.options.pingInterval,
      pingTimeout: server.options.pingTimeout, maximumPayload: server.options.maximumPayload)
    waiting = request
    send(handshake.text)
    server.deadlines.grant(server.options.pingInterval, to: self)
  }

  // MARK: Out

  /// Sends what is there in two forms, of which the one that is needed is made. Nothing happens in a session that ends.
  func send(text: @autoclosure () -> [UInt8], frame: @autoclosure () -> WebSocketFrame) {
    guard isOpen else { return }
    if let socket { socket.send(frame()) } else { enqueue(text()) }
  }

  /// Sends a packet.
  func send(_ text: [UInt8]) { send(text: text, frame: WebSocketFrame(text: text)) }

  private func enqueue(_ text: [UInt8]) {
    guard queuedBytes + text.count <= server.options.output else {
      server.slowPollers += 1
      return drop()
    }
    queue.append(text)
    queuedBytes += text.count
    flushSoon()
  }

  private func flushSoon() {
    guard waiting != nil, !isFlushing else { return }
    isFlushing = true
    Loop.flushAtEndOfTurn(self)
  }

  /// Ends the session; the client is told, and may come back at once.
  func close() {
    guard isOpen else { return }
    if let socket {
      socket.close(WebSocketClose(.normal))
      end(isOrderly: false)
    } else {
      queue.append(EngineIOPacket(.close).text)
      phase = .closing
      flushSoon()
      server.deadlines.grant(server.options.closeTime, to: self)
      tell(isOrderly: false)
    }
  }

  /// The client has nothing more to do here, and will end the session by itself. If it does not, it is closed.
  func expectEnd() {
    guard isOpen else { return }
    phase = .open
    server.deadlines.grant(server.options.closeTime, to: self)
  }

  /// Ends the session at once; what waits is lost. Nothing was heard of the client for `silence`.
  func drop(silentFor silence: Duration = .zero) {
    let socket = socket
    end(isOrderly: false, silentFor: silence)
    socket?.drop()
  }

  /// The session is over.
  private func end(isOrderly: Bool, silentFor silence: Duration = .zero) {
    guard phase != .closed else { return }
    phase = .closed
    server.forget(self)
    candidate?.close(WebSocketClose(.normal))
    candidate = nil
    queue = []
    answerWaiting(EngineIORefusal.unknownSession.response)
    tell(isOrderly: isOrderly, silentFor: silence)
  }

  private func tell(isOrderly: Bool, silentFor silence: Duration = .zero) {
    let delegate = delegate
    self.delegate = nil
    delegate?.closed(isOrderly: isOrderly, silentFor: silence)
  }

  // MARK: In

  /// Takes a packet over the transport that the session is on. Returns whether the session goes on.
  private func take(_ packet: EngineIOPacket) -> Bool {
    switch packet.kind {
    case .message: delegate?.received(packet.data)
    case .pong:
      if phase == .pinged {
        phase = .open
        server.deadlines.grant(server.options.pingInterval, to: self)
      }
    case .noop: break
    case .close:
      socket?.close(WebSocketClose(.normal))
      end(isOrderly: true)
    case .open, .ping, .upgrade: return false
    }
    return true
  }
}

// MARK: Polling

extension EngineIOSession: Flushable {
  /// The client asks for packets; the request waits until there are some. Only one may wait.
  func poll(_ request: HTTPRequest) throws(EngineIORefusal) {
    guard socket == nil else { throw .badRequest }
    if waiting?.isAwaited == true {
      drop()
      throw .badRequest
    }
    answerWaiting(EngineIORefusal.badRequest.response)
    waiting = request
    if !queue.isEmpty { flushSoon() } else if hasProbed { send(EngineIOPacket(.noop).text) }
  }

  /// Answers the request that waits with all packets that one body can hold.
  func flush() {
    isFlushing = false
    guard let waiting, !queue.isEmpty else { return }
    // What nobody reads is kept for the next request.
    guard waiting.isAwaited else { return answerWaiting(EngineIORefusal.badRequest.response) }
    let packets = queue.prefix(EngineIOPayload.packetLimit)
    queuedBytes -= packets.reduce(0) { $0 + $1.count }
    let body = EngineIOPayload.body(of: packets)
    queue.removeFirst(packets.count)
    answerWaiting(Self.text(body))
    if phase == .closing, queue.isEmpty { end(isOrderly: false) }
  }

  /// The client sends packets. Only one such request may be under way.
  func post(_ request: HTTPRequest) throws(EngineIORefusal) {
    guard socket == nil, isOpen else { throw .badRequest }
    guard !isPosting else {
      drop()
      throw .badRequest
    }
    isPosting = true
    request.bodyLimit = server.options.maximumPayload
    request.withBody { [self] result in
      isPosting = false
      guard case .success(let body) = result else { return }
      guard let packets = try? EngineIOPayload.packets(in: body) else { return refuse(request) }
      for packet in packets where isOpen {
        guard take(packet) else { return refuse(request) }
      }
      server.answer(request, Self.text(Array("ok".utf8)))
    }
  }

  /// Answers the request that waits, if there is one; one whose client has gone away, so that its connection ends.
  private func answerWaiting(_ response: HTTPResponse) {
    guard let request = waiting else { return }
    waiting = nil
    server.answer(request, response)
  }

  private static func text(_ bytes: [UInt8]) -> HTTPResponse {
    HTTPResponse(type: "text/plain; charset=UTF-8", bytes: bytes)
  }

  private func refuse(_ request: HTTPRequest) {
    drop()
    server.answer(request, EngineIORefusal.badRequest.response)
  }
}

// MARK: WebSocket

extension EngineIOSession: WebSocketDelegate {
  /// The client tries whether it can go on over WebSocket.
  func probe(_ request: HTTPRequest) throws(EngineIORefusal) {
    guard socket == nil, candidate == nil, isOpen, server.options.mayUpgrade else { throw .badRequest }
    server.sockets.accept(request) { connection in
      candidate = connection
      Loop.schedule(after: server.options.upgradeTime) { [weak self, weak connection] in
        guard let self, let connection, candidate === connection else { return }
        connection.close(WebSocketClose(.policyViolation, reason: "no upgrade in time"))
      }
      return self
    }
  }

  func received(_ message: WebSocketMessage, on connection: WebSocketConnection) {
    guard case .text(let text) = message else {
      return connection.close(WebSocketClose(.unsupportedData, reason: EngineIOError.binary.rawValue))
    }
    do throws(EngineIOError) {
      let packet = try EngineIOPacket(text[...])
      if connection === candidate {
        tryOut(packet, on: connection)
      } else if connection === socket, isOpen, !take(packet) {
        connection.close(WebSocketClose(.policyViolation, reason: "a packet that only servers send"))
      }
    } catch {
      connection.close(WebSocketClose(.policyViolation, reason: error.rawValue))
    }
  }

  private func tryOut(_ packet: EngineIOPacket, on connection: WebSocketConnection) {
    switch packet.kind {
    case .ping where packet.data.elementsEqual(EngineIOPacket.probe):
      connection.send(WebSocketFrame(text: EngineIOPacket(.pong, packet.data).text))
      hasProbed = true
      // The client moves when no request of its waits any more.
      if queue.isEmpty { send(EngineIOPacket(.noop).text) }
    case .upgrade: move(to: connection)
    default: connection.close(WebSocketClose(.policyViolation, reason: "a probe or an upgrade is expected"))
    }
  }

  private func move(to connection: WebSocketConnection) {
    answerWaiting(Self.text(EngineIOPacket(.noop).text))
    (candidate, hasProbed) = (nil, false)
    socket = connection
    for text in queue { connection.send(WebSocketFrame(text: text)) }
    (queue, queuedBytes) = ([], 0)
  }

  func closed(_ connection: WebSocketConnection, _ close: WebSocketClose) {
    if connection === candidate { (candidate, hasProbed) = (nil, false) }
    guard connection === socket else { return }
    end(isOrderly: close.code != .abnormal)
  }
}

// MARK: Heartbeat

extension EngineIOSession: Overdue {
  func overdue() {
    switch phase {
    case .open:
      guard delegate?.hasJoined == true else { return close() }
      send(EngineIOPacket(.ping).text)
      // Sending may have ended the session.
      guard phase == .open else { return }
      phase = .pinged
      server.deadlines.grant(server.options.pingTimeout, to: self)
    case .pinged: drop(silentFor: server.options.pingInterval + server.options.pingTimeout)
    case .closing: drop()
    case .closed: break
    }
  }
}
