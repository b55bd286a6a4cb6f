import EventLoop
import Telemetry
import Wire

/// One client's connection: frames in, answers out in the order of their requests.
///
/// Requests are carried out as they arrive, also while earlier ones still wait for records, a disk or other members of
/// a group; only the answers keep the order, as the protocol demands. While too many answers are outstanding, nothing
/// more is read. Whatever is no Kafka request ends the connection with one line in the log.
@Loop final class Connection: SocketDelegate {
  /// Requests that may wait for their answer before the connection stops reading.
  private static let outstandingLimit = 256

  /// Where the client connects from, for logs and group members.
  let peer: String
  private let socket: Socket
  private let broker: Broker
  private var framer: KafkaFramer
  private var answers = AnswerQueue()
  /// Called with nothing when the connection is gone, so that what waits for it can be dropped.
  private var parked: [Int: @Loop () -> Void] = [:]
  private var heldBytes = 0
  private var isStopping = false
  private(set) var lastRequest = Loop.now

  init(_ socket: Socket, _ broker: Broker) {
    self.socket = socket
    self.broker = broker
    peer = socket.peer?.host ?? "?"
    framer = KafkaFramer(maximumFrameLength: broker.limits.requestBytes)
    socket.outputLimit = broker.limits.outputBytes
    socket.delegate = self
  }

  var isOpen: Bool { socket.isOpen }

  /// Whether the client has nothing outstanding.
  var isIdle: Bool { answers.isEmpty && socket.pendingOutput == 0 }

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
    do {
      try framer.receive(bytes) { frame throws(KafkaDecodingError) in
        guard socket.isOpen else { return }
        try handle(frame)
      }
    } catch {
      broker.metrics.malformedRequests.add(1)
      broker.log.limited().warning("closed a connection that does not speak Kafka", ["peer": peer, "reason": error])
      socket.close()
    }
    if socket.isOpen { hold(framer.buffered) }
  }

  /// Keeps account of the requests that have not come whole, over all connections.
  private func hold(_ count: Int) {
    guard count != heldBytes else { return }
    broker.heldBytes += count - heldBytes
    heldBytes = count
    guard broker.heldBytes > broker.limits.heldBytes, count > 0 else { return }
    broker.log.limited().warning(
      "closed a connection since too many bytes of unfinished requests are held",
      ["peer": peer, "held": broker.heldBytes, "limit": broker.limits.heldBytes])
    socket.close()
  }

  func closed(_ socket: Socket, reason: SocketError?) {
    broker.heldBytes -= heldBytes
    heldBytes = 0
    let abandoned = parked.values
    parked = [:]
    for abandon in abandoned { abandon() }
    broker.forget(self)
  }

  func close() { socket.close() }

  /// Takes no further requests; those under way are still answered.
  func stopReading() {
    isStopping = true
    socket.pauseReading()
  }

  /// The address at which the client found this broker.
  var local: HostPort? { socket.local.map { HostPort(host: $0.host, port: $0.port) } }

  private func handle(_ frame: UnsafeMutableRawBufferPointer) throws(KafkaDecodingError) {
    lastRequest = Loop.now
    var reader = KafkaReader(UnsafeRawBufferPointer(frame))
    let header = try KafkaRequestHeader(decoding: &reader)
    let call = Call(connection: self, slot: answers.reserve(), header: header)
    broker.metrics.requests.add(1)
    guard header.isImplemented, let api = header.api else { return refuse(header, call) }
    try Keys.answer(api, &reader, frame, call, broker)
    if answers.count > Self.outstandingLimit { socket.pauseReading() }
  }

  /// A version of ApiVersions that is too new is answered in the form of version 0 (KIP-511), so that the client can
  /// choose another. Nothing else could be answered in a form that the client would understand.
  private func refuse(_ header: KafkaRequestHeader, _ call: Call) {
    guard header.api == .apiVersions else {
      broker.metrics.malformedRequests.add(1)
      broker.log.limited().warning(
        "closed a connection that asked for what this broker does not speak",
        ["peer": peer, "client": header.clientID ?? "", "api": header.apiKey, "version": header.apiVersion])
      return socket.close()
    }
    let response = ApiVersionsKey.response(.unsupportedVersion)
    complete(call.slot, Answer(frame: response.frame(version: 0, correlationID: header.correlationID), records: []))
  }

  /// Remembers what to do about request `slot` if the connection closes before it is answered.
  fileprivate func park(_ slot: Int, _ abandon: @escaping @Loop () -> Void) { parked[slot] = abandon }

  fileprivate func complete(_ slot: Int, _ answer: Answer?) {
    guard socket.isOpen else { return }
    if !parked.isEmpty { parked[slot] = nil }
    answers.complete(slot, with: answer) { send($0) }
    if answers.count <= Self.outstandingLimit / 2, !isStopping { socket.resumeReading() }
  }

  private func send(_ answer: Answer) {
    var sent = 0
    for (gap, region) in zip(answer.frame.gaps, answer.records) {
      answer.frame.bytes.withUnsafeBytes {
        socket.send(copying: UnsafeRawBufferPointer(rebasing: $0[sent..<gap.offset]))
      }
      socket.send(region)
      sent = gap.offset
    }
    answer.frame.bytes.withUnsafeBytes { socket.send(copying: UnsafeRawBufferPointer(rebasing: $0[sent...])) }
  }
}

/// A request on its way to its answer, which is given exactly once, now or later.
@Loop struct Call {
  let connection: Connection
  fileprivate let slot: Int
  let header: KafkaRequestHeader

  /// Answers the request. `records` fill the gaps of the response, in order.
  func answer(_ response: some KafkaResponse, records: [FileRegion] = []) {
    let frame = response.frame(version: header.apiVersion, correlationID: header.correlationID)
    connection.complete(slot, Answer(frame: frame, records: records))
  }

  /// Ends a request that wants no answer.
  func answerNothing() { connection.complete(slot, nil) }

  /// Calls `abandon` if the client goes away before the answer.
  func whenAbandoned(_ abandon: @escaping @Loop () -> Void) { connection.park(slot, abandon) }
}

/// A response, ready to be sent.
struct Answer {
  let frame: KafkaFrame
  let records: [FileRegion]
}

/// Puts answers that come in any order into the order of their requests.
struct AnswerQueue {
  private enum Slot {
    case waiting
    case answered(Answer?)
  }
  private var slots: [Slot] = []
  /// The number of the first slot in the array.
  private var first = 0

  var isEmpty: Bool { slots.isEmpty }
  var count: Int { slots.count }

  /// Takes the next place in the order.
  mutating func reserve() -> Int {
    slots.append(.waiting)
    return first + slots.count - 1
  }

  /// Fills a place, nil meaning that nothing is to be sent, and passes on what is next in order and complete.
  mutating func complete(_ number: Int, with answer: Answer?, send: (Answer) -> Void) {
    guard number == first else {
      slots[number - first] = .answered(answer)
      return
    }
    slots.removeFirst()
    first += 1
    if let answer { send(answer) }
    while case .answered(let next)? = slots.first {
      slots.removeFirst()
      first += 1
      if let next { send(next) }
    }
  }
}
