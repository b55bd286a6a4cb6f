import EventLoop
import Wire

/// One client's connection: carries bytes from the socket to the machine, requests to the handler, and answers back.
///
/// Requests are answered one at a time. While one is, bytes of the next are kept (at most one read), and then the socket
/// is not read. An idle connection keeps no bytes at all.
@Loop final class HTTPConnection: SocketDelegate {
  private static let readSize = 64 * 1024
  /// A body that nobody read is thrown away up to this size, so that the connection can be kept.
  private static let discardable = 64 * 1024
  private static let lingerTime = Duration.seconds(2)

  private enum Phase {
    /// Between requests, or amid a head.
    case waiting
    /// A request is being received and answered.
    case busy
    /// The last answer is on its way; what the client still sends is thrown away, so that the kernel does not reset the
    /// connection before the client has read why.
    case ending
  }

  private let socket: Socket
  private let server: HTTPServer
  /// Its place among the server's connections.
  var index: Int

  private var machine: HTTPRequestMachine
  private var request: HTTPRequest?
  private var phase = Phase.waiting
  private var isInputComplete = false
  private var isAnswered = false
  private var isAnswerDone = false
  private var closesAfterAnswer = false
  private(set) var peerEnded = false
  private var isFeeding = false
  private var sentContinue = false
  private var wasInHead = false

  /// While bytes are being taken in: those that are not taken yet. They belong to the caller of `feed`.
  private var input = UnsafeRawBufferPointer(start: nil, count: 0)
  /// Bytes behind the current request.
  private var pending: [UInt8] = []
  /// Whoever waits for the client to take what was sent.
  private var room: Promise<Void>?

  /// When the current phase has lasted too long, in sweeps.
  private var deadline: Int
  private var bodyBytes = 0
  private var sentBytes = 0
  private var bodyMark = 0
  private var takenMark = 0
  /// When the client must have taken its share of the output; 0 when there is none.
  private var outputDeadline = 0

  init(_ socket: Socket, of server: HTTPServer, index: Int) {
    self.socket = socket
    self.server = server
    self.index = index
    machine = HTTPRequestMachine(bodyLimit: server.limits.body)
    deadline = server.tick + server.ticks(server.limits.headTime)
    socket.readSize = Self.readSize
    socket.outputLimit = 2 * server.limits.output
  }

  var peer: SocketAddress? { socket.peer }

  // MARK: In

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    if phase == .ending {
      bodyBytes += bytes.count
      if bodyBytes > max(16 * Self.discardable, machine.bodyLimit) { socket.close() }
    } else if pending.isEmpty, !isHeldBack {
      feed(UnsafeRawBufferPointer(bytes))
    } else {
      pending.append(contentsOf: bytes)
      updateReading()
    }
  }

  func ended(_ socket: Socket) {
    peerEnded = true
    switch phase {
    case .busy where isInputComplete, .waiting where !pending.isEmpty: break
    case .busy: socket.close()
    case .waiting where machine.isInHead: socket.close()
    case .waiting, .ending: socket.closeWhenDrained()
    }
  }

  func drained(_ socket: Socket) {
    room?.fulfil(())
    room = nil
    if !pending.isEmpty, !isFeeding, !isHeldBack, phase != .ending { resume() }
  }

  func closed(_ socket: Socket, reason: SocketError?) {
    server.forget(self)
    room?.fail(HTTPBroken.disconnected)
    let request = request
    self.request = nil
    request?.breakOff(.disconnected)
  }

  /// Whether no more bytes may be taken in now: a request is being answered, or answers pile up.
  private var isHeldBack: Bool { isInputComplete || socket.pendingOutput > server.limits.output }

  /// Takes in `bytes`, as far as they may be now; keeps the rest in `pending`.
  private func feed(_ bytes: UnsafeRawBufferPointer) {
    isFeeding = true
    input = bytes
    do throws(HTTPRefusal) {
      while let part = try nextPart() {
        switch part {
        case .head(let head): begin(head)
        case .body(let bytes):
          bodyBytes += bytes.count
          if !isAnswerDone { request?.receive(bytes) }
        case .end: completeInput()
        }
      }
    } catch {
      refuse(error)
    }
    if !input.isEmpty { pending = [UInt8](input) }
    input = UnsafeRawBufferPointer(start: nil, count: 0)
    isFeeding = false
    guard socket.isOpen, phase != .ending else { return }
    if phase == .waiting, peerEnded, pending.isEmpty { return socket.closeWhenDrained() }
    noteHead()
    updateReading()
  }

  private func nextPart() throws(HTTPRefusal) -> HTTPRequestMachine.Part? {
    guard socket.isOpen, phase != .ending, !isHeldBack else { return nil }
    return try machine.next(&input)
  }

  private func begin(_ head: HTTPRequestHead) {
    phase = .busy
    isAnswered = false
    isAnswerDone = false
    sentContinue = false
    bodyBytes = 0
    bodyMark = 0
    deadline = server.tick + server.ticks(server.limits.rateTime)
    machine.bodyLimit = server.limits.body
    let request = HTTPRequest(head, on: self, bodyLimit: server.limits.body)
    self.request = request
    if head.framing.body != .none { server.handler(request) }
  }

  private func completeInput() {
    isInputComplete = true
    guard let request else { return finishExchange() }
    request.complete()
    if request.head.framing.body == .none { server.handler(request) } else if isAnswerDone { finishExchange() }
  }

  /// Goes on with the bytes that were kept.
  private func resume() {
    let bytes = pending
    pending = []
    bytes.withUnsafeBytes { feed($0) }
  }

  private func updateReading() {
    let holds = !pending.isEmpty || !isInputComplete && request?.isFull == true && !isAnswerDone
    holds ? socket.pauseReading() : socket.resumeReading()
  }

  // MARK: The request's side

  func limitBody(to limit: Int) { machine.bodyLimit = limit }

  func bodyIsWanted() {
    if let request, request.head.framing.expectsContinue, !sentContinue, bodyBytes == 0, input.isEmpty {
      sentContinue = true
      send(HTTPResponseHead.goOn)
    }
    if !isFeeding { updateReading() }
  }

  func bodyWasTaken() {
    if !isFeeding, socket.isOpen { updateReading() }
  }

  /// What the client gets when its handler throws.
  func response(to error: any Error) -> HTTPResponse {
    if let refusal = error as? HTTPRefusal { return server.problem(refusal) }
    server.failed(error)
    return .problem(status: 500, code: "internal_error", detail: "Something went wrong here; try again later.")
  }

  // MARK: Out

  func answer(_ response: HTTPResponse) {
    guard socket.isOpen, phase == .busy, let request, !isAnswered else { return }
    isAnswered = true
    let length = response.length(for: request.head.version)
    closesAfterAnswer =
      !request.head.framing.keepsAlive || server.isDraining || peerEnded && pending.isEmpty || length == .untilClose
      || !isInputComplete && !isDiscardable(request.head.framing)
    sendHead(response.head, length: length, of: request)
    let isMute = request.head.method == .head || !response.mayHaveBody
    switch response.body {
    case .bytes(let bytes):
      if !isMute { send(bytes) }
      finishAnswer()
    case .file(let region):
      if !isMute {
        sentBytes += region.count
        socket.send(region)
      }
      finishAnswer()
    case .stream(_, let make):
      let writer = HTTPBodyWriter(on: self, length: length, isMute: isMute)
      request.run {
        do {
          if !isMute { try await make(writer) }
          if writer.end() { self.finishAnswer() } else { self.socket.close() }
        } catch {
          if self.socket.isOpen { self.server.failed(error) }
          self.socket.close()
        }
      }
    }
  }

  private func sendHead(_ head: HTTPResponseHead, length: HTTPResponseHead.Length, of request: HTTPRequest) {
    server.scratch.removeAll(keepingCapacity: true)
    let says: HTTPResponseHead.Connection =
      closesAfterAnswer ? .close : request.head.version == .http10 ? .keepAlive : .implied
    head.encode(to: &server.scratch, length: length, connection: says, date: server.currentDate())
    send(server.scratch)
  }

  /// Whether the rest of an unread body is known to be short, so that it can be thrown away.
  private func isDiscardable(_ framing: HTTPFraming) -> Bool {
    guard case .fixed(let length) = framing.body else { return false }
    return length <= Self.discardable && !(framing.expectsContinue && !sentContinue)
  }

  func send(_ bytes: [UInt8]) {
    sentBytes += bytes.count
    socket.send(bytes)
  }

  /// Waits until at most `window` bytes are unsent.
  func room(below window: Int) async throws {
    guard socket.isOpen else { throw HTTPBroken.disconnected }
    guard socket.pendingOutput > window else { return }
    let promise = Promise<Void>()
    room = promise
    try await promise.value
  }

  /// The answer is queued, whole.
  private func finishAnswer() {
    guard socket.isOpen, phase == .busy else { return }
    isAnswerDone = true
    if closesAfterAnswer, !isInputComplete { return linger() }
    request?.finish()
    if isInputComplete { finishExchange() } else if !isFeeding { updateReading() }
  }

  /// Request and answer are both whole.
  private func finishExchange() {
    request = nil
    if closesAfterAnswer {
      phase = .ending
      return socket.closeWhenDrained()
    }
    phase = .waiting
    isInputComplete = false
    wasInHead = false
    deadline = server.tick + server.ticks(server.limits.idleTime)
    machine.nextRequest()
    if !isFeeding { pending.isEmpty && !peerEnded ? updateReading() : resume() }
  }

  /// Answers what breaks HTTP, and closes.
  private func refuse(_ refusal: HTTPRefusal) { end(with: server.problem(refusal), breaking: .refused(refusal)) }

  /// Ends the connection with `response`, unless one has begun.
  private func end(with response: HTTPResponse, breaking failure: HTTPBroken) {
    let canAnswer = !isAnswered || phase == .waiting
    let request = request
    self.request = nil
    if canAnswer {
      closesAfterAnswer = true
      server.scratch.removeAll(keepingCapacity: true)
      let length = response.length(for: .http10)
      response.head.encode(to: &server.scratch, length: length, connection: .close, date: server.currentDate())
      send(server.scratch)
      if case .bytes(let bytes) = response.body, request?.head.method != .head { send(bytes) }
    }
    linger()
    request?.breakOff(failure)
  }

  /// Sends what is queued, ends our half, and waits a little for the client to end its own.
  private func linger() {
    request?.finish()
    request = nil
    phase = .ending
    pending = []
    bodyBytes = 0
    deadline = server.tick + server.ticks(Self.lingerTime)
    if peerEnded { return socket.closeWhenDrained() }
    socket.resumeReading()
    socket.finish()
  }

  func upgrade(_ head: HTTPResponseHead) -> (socket: Socket, leftover: [UInt8])? {
    guard socket.isOpen, !peerEnded, phase == .busy, isInputComplete, let request else {
      socket.close()
      return nil
    }
    server.scratch.removeAll(keepingCapacity: true)
    head.encode(to: &server.scratch, length: .none, connection: .upgrade, date: server.currentDate())
    socket.send(server.scratch)
    let leftover = pending + input
    pending = []
    input = UnsafeRawBufferPointer(start: nil, count: 0)
    phase = .ending
    self.request = nil
    request.finish()
    server.forget(self)
    socket.delegate = nil
    socket.resumeReading()
    return (socket, leftover)
  }

  // MARK: Time

  func close() { socket.close() }

  /// Closes an idle connection; another closes with its answer.
  func drain() {
    if phase == .waiting, !machine.isInHead, pending.isEmpty { socket.closeWhenDrained() }
  }

  /// Notes when a head begins: it has less time than silence has.
  private func noteHead() {
    guard phase == .waiting, machine.isInHead != wasInHead else { return }
    wasInHead = machine.isInHead
    deadline = server.tick + server.ticks(wasInHead ? server.limits.headTime : server.limits.idleTime)
  }

  /// Looks for what has lasted too long.
  func sweep() {
    guard isTakingOutput() else { return socket.close() }
    guard server.tick >= deadline else { return }
    switch phase {
    case .waiting where wasInHead:
      let problem = HTTPResponse.problem(
        status: 408, code: "head_too_slow", detail: "The request's head did not arrive in the time it has.")
      end(with: problem, breaking: .tooSlow)
    case .waiting, .ending:
      // Time spent taking an answer is no silence.
      if socket.pendingOutput == 0 { socket.close() }
    case .busy:
      let isOurTurn = isInputComplete || request?.isFull == true
      if !isOurTurn, bodyBytes - bodyMark < server.limits.share(of: server.limits.bodyRate) {
        let problem = HTTPResponse.problem(
          status: 408, code: "body_too_slow", detail: "The request's body arrives too slowly.")
        return end(with: problem, breaking: .tooSlow)
      }
      bodyMark = bodyBytes
      deadline = server.tick + server.ticks(server.limits.rateTime)
    }
  }

  /// Whether the client takes its answers at `answerRate` or better.
  private func isTakingOutput() -> Bool {
    guard socket.pendingOutput > 0 else {
      outputDeadline = 0
      return true
    }
    let taken = sentBytes - socket.pendingOutput
    if outputDeadline != 0 {
      guard server.tick >= outputDeadline else { return true }
      guard taken - takenMark >= server.limits.share(of: server.limits.answerRate) else { return false }
    }
    outputDeadline = server.tick + server.ticks(server.limits.rateTime)
    takenMark = taken
    return true
  }
}
