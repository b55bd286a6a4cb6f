import CKafka
import EventLoop
import Glibc

/// What producer, consumer and administrator have in common: a C client whose events are handled on the loop.
///
/// librdkafka signals a `Wakeup` when its queue stops being empty; the loop then takes events, without waiting,
/// until there are none or the turn's share is used up.
@Loop final class KafkaClient {
  /// Messages and other events handled in one turn, at most, so that sockets and timers are not starved.
  private static let eventsPerTurn = 256

  let handle: ClientHandle
  private let wakeup = Wakeup()
  private let log: (@Loop @Sendable (KafkaConfiguration.LogLine) -> Void)?
  private var watch: Watch?
  /// Gets each event that is not an answer to a request, an error or a log line.
  private var handler: ((consuming Event) -> Void)?
  /// Called when the turn's events have been handed out.
  private var drained: (() -> Void)?
  /// What to do with the answers that are under way; called with null when the client closes first.
  private var requests = Slots<(OpaquePointer?) -> Void>()

  /// The last thing that went wrong with a connection, for messages about calls that merely timed out.
  private(set) var lastTrouble: KafkaError?
  /// Gets errors that belong to no call.
  var failed: ((KafkaError, TopicPartition?) -> Void)?
  var isOpen: Bool { watch != nil }
  /// Leaves consumed messages in librdkafka's queue, which stops fetching when it is full.
  var holdsMessages = false {
    didSet { if !holdsMessages, isOpen { wakeup.signal() } }
  }

  /// Starts a client of the given type, with the settings all clients share, then `settings`, then the user's own.
  init(
    _ type: rd_kafka_type_t, _ configuration: KafkaConfiguration, _ settings: [(String, String)], events: Int32 = 0
  ) throws(KafkaError) {
    handle = try ClientHandle(
      type, configuration.shared + settings + configuration.properties.sorted { $0.key < $1.key }, events: events)
    log = configuration.log
  }

  /// Begins to deliver events: at once, or, when `isPolled`, at calls of `drain`. The client then lives until `stop()`.
  func start(
    isPolled: Bool = false, _ handler: @escaping (consuming Event) -> Void, drained: (() -> Void)? = nil
  ) {
    self.handler = handler
    self.drained = drained
    var one: UInt64 = 1
    for queue in isPolled ? [] : [handle.queue, handle.messages] {
      rd_kafka_queue_io_event_enable(queue, wakeup.descriptor, &one, MemoryLayout<UInt64>.size)
    }
    watch = Watch(wakeup.descriptor) { _ in self.drain() }
    watch?.interest = .readable
    // librdkafka only reports that a queue has become non-empty, and this one may have been so before.
    wakeup.signal()
  }

  /// Ends delivery. Requests that still wait fail; nothing is called afterwards.
  func stop() {
    guard let watch else { return }
    self.watch = nil
    handler = nil
    drained = nil
    failed = nil
    watch.cancel()
    // librdkafka writes under a queue's lock, so nobody writes to the descriptor after this.
    for queue in [handle.queue, handle.messages] { rd_kafka_queue_io_event_enable(queue, -1, nil, 0) }
    for answered in requests.removeAll() { answered(nil) }
  }

  /// Takes what is in the queues. Besides the loop, whoever polls calls this, or must prove to be alive
  /// (`max.poll.interval.ms`).
  func drain() {
    guard isOpen else { return }
    wakeup.clear()
    var left = Self.eventsPerTurn
    // What concerns the group goes first: a revocation must not wait behind messages.
    take(from: handle.queue, upTo: &left)
    if !holdsMessages { take(from: handle.messages, upTo: &left) }
    if left == 0, isOpen { wakeup.signal() }
    drained?()
  }

  private func take(from queue: OpaquePointer, upTo left: inout Int) {
    while isOpen, left > 0, let pointer = rd_kafka_queue_poll(queue, 0) {
      dispatch(Event(pointer))
      left -= 1
    }
  }

  private func dispatch(_ event: consuming Event) {
    switch event.type {
    case RD_KAFKA_EVENT_FETCH, RD_KAFKA_EVENT_DR, RD_KAFKA_EVENT_REBALANCE:
      handler?(event)
    case RD_KAFKA_EVENT_LOG:
      report(logLine: event)
    case RD_KAFKA_EVENT_ERROR where event.error != RD_KAFKA_RESP_ERR__PARTITION_EOF:
      report(error: event)
    default:
      if let answered = requests.remove(event.opaque) { answered(event.pointer) } else { handler?(event) }
    }
  }

  private func report(logLine event: borrowing Event) {
    guard let log else { return }
    var (facility, text): (UnsafePointer<CChar>?, UnsafePointer<CChar>?)
    var level: CInt = 0
    guard rd_kafka_event_log(event.pointer, &facility, &text, &level) == 0, let text else { return }
    log(KafkaConfiguration.LogLine(level: level, text: String(cString: text)))
  }

  private func report(error event: borrowing Event) {
    var partition: TopicPartition?
    if let found = rd_kafka_event_topic_partition(event.pointer) {
      partition = TopicPartition(String(cString: found.pointee.topic), found.pointee.partition)
      rd_kafka_topic_partition_destroy(found)
    }
    var (code, text) = (event.error, event.errorText)
    let isFatal = rd_kafka_event_error_is_fatal(event.pointer) != 0
    if isFatal {
      // The event only says that something fatal has happened; what it was is asked for separately.
      var reason = [CChar](repeating: 0, count: 512)
      code = rd_kafka_fatal_error(handle.client, &reason, reason.count)
      text = String(upToNull: reason)
    }
    let error = KafkaError(code, partition?.description ?? "", message: text, isFatal: isFatal)
    if [.unreachable, .denied].contains(error.reason), code != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN {
      lastTrouble = error
    }
    failed?(error, partition)
  }

  /// Makes a request whose answer comes as an event, and returns what `parse` finds in it.
  ///
  /// `send` gets the request's number, to be passed to librdkafka as "opaque". Every request that was sent is answered
  /// by librdkafka, at the latest with a time-out.
  func request<Answer: Sendable>(
    _ send: (UnsafeMutableRawPointer?) throws(KafkaError) -> Void,
    parse: @escaping (OpaquePointer) throws(KafkaError) -> Answer
  ) async throws -> Answer {
    guard isOpen else { throw KafkaError.clientClosed }
    let promise = Promise<Answer>()
    let number = requests.insert { event in
      do {
        guard let event else { throw KafkaError.clientClosed }
        promise.fulfil(try parse(event))
      } catch {
        promise.fail(error)
      }
    }
    do {
      try send(UnsafeMutableRawPointer(bitPattern: number))
    } catch {
      _ = requests.remove(number)
      throw error
    }
    return try await promise.value
  }

  /// Runs a call that blocks, on a background thread. `call` may use the handle's pointers only.
  func block<Answer: Sendable>(
    _ call: @escaping @Sendable (ClientHandle) throws -> Answer
  ) async throws -> Answer {
    guard isOpen else { throw KafkaError.clientClosed }
    return try await BlockingCalls.pool.run { [handle] in try call(handle) }
  }
}

extension KafkaError {
  /// The client was closed before the call was made or answered.
  static let clientClosed = KafkaError(.closed, "", "the client was closed")
}
