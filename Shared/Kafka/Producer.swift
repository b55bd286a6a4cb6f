import CKafka
import EventLoop

/// Sends messages to topics.
///
/// **Overview.** A message is copied once, into librdkafka's queue, and leaves in batches over librdkafka's own
/// connections. Its delivery is reported on the loop. The queue has a bound; beyond it `send` throws `overloaded` at
/// once and never waits.
///
/// **Guarantees.** With `.exactlyOnceInOrder` retries neither duplicate nor reorder what one producer sends (KIP-98).
/// With the others, retries keep the order only as far as nothing fails.
///
/// **Life cycle.** A producer lives until `close(within:)`, which sends what is queued. Delivery callbacks are always
/// called exactly once, at the latest by `close`.
@Loop public final class Producer {
  /// When a message counts as delivered.
  public enum Guarantee: Sendable, Hashable {
    /// The leader has it; a crash of the leader's machine may lose it.
    case leader
    /// All in-sync replicas have it; a retry may store it twice.
    case replicated
    /// All in-sync replicas have it, once, in the order of sending. Applies to the whole producer.
    case exactlyOnceInOrder
  }

  /// How a producer sends.
  public struct Options: Sendable {
    /// For topics that do not say otherwise.
    public var guarantee = Guarantee.exactlyOnceInOrder
    /// How long a message may wait for others to share its batch. 0 sends at once.
    public var linger = Duration.zero
    /// How long the report of a delivery may wait for others. Reports that come one by one cost the loop a turn each; who
    /// sends much and has no use for them at once lets them wait. Errors that belong to no message then wait up to a second.
    public var reportDelay = Duration.zero
    /// After this a message that was not acknowledged fails. Retries happen before.
    public var deliveryTimeout = Duration.seconds(30)
    /// Bound on messages that wait for delivery.
    public var queueLimit = 100_000
    /// Bound on the bytes that wait for delivery.
    public var queueByteLimit = 64 << 20
    /// Largest message, headers included. The topic's limit must not be lower.
    public var messageByteLimit = 2 << 20

    /// The defaults: safe, and at once.
    public init() {}
  }

  /// A topic that a producer sends to.
  public final class Topic: @unchecked Sendable {
    // Sendable by hand: the pointer never changes, and librdkafka's topics may be used from any thread.

    /// The topic's name.
    public let name: String
    fileprivate let pointer: OpaquePointer
    fileprivate let handle: ClientHandle

    fileprivate init(_ name: String, _ settings: [(String, String)], of handle: ClientHandle) throws(KafkaError) {
      guard let configuration = rd_kafka_topic_conf_new() else {
        preconditionFailure("rd_kafka_topic_conf_new returned null")
      }
      for (key, value) in settings {
        var text = [CChar](repeating: 0, count: 512)
        let status = rd_kafka_topic_conf_set(configuration, key, value, &text, text.count)
        precondition(status == RD_KAFKA_CONF_OK, "librdkafka refuses \(key)=\(value)")
      }
      // Takes the configuration whether or not it succeeds.
      guard let pointer = rd_kafka_topic_new(handle.client, name, configuration) else {
        throw KafkaError(rd_kafka_last_error(), "topic '\(name)'")
      }
      (self.name, self.pointer, self.handle) = (name, pointer, handle)
    }

    deinit { rd_kafka_topic_destroy(pointer) }
  }

  private let client: KafkaClient
  private let options: Options
  private var topics: [String: Topic] = [:]
  private var reports = Slots<@Loop (Result<Offset, KafkaError>) -> Void>()
  private var emptied: [Promise<Void>] = []
  /// Where reports may wait, looks for them.
  private var reportTimer: LoopTimer?
  private static let idleReportDelay = Duration.seconds(1)

  /// Messages that were sent and whose delivery has not been reported yet.
  public private(set) var pending = 0
  /// Messages that could not be delivered, since the start.
  public private(set) var failures = 0
  /// Gets errors that belong to no message. After a fatal one nothing can be sent any more.
  public var failed: (@Loop (KafkaError) -> Void)?

  /// Starts a producer. Succeeds without a broker: messages then wait.
  ///
  /// Throws `KafkaError` of reason `configuration`.
  public init(_ configuration: KafkaConfiguration, _ options: Options = Options()) throws(KafkaError) {
    self.options = options
    client = try KafkaClient(
      RD_KAFKA_PRODUCER, configuration,
      [
        ("enable.idempotence", options.guarantee == .exactlyOnceInOrder ? "true" : "false"),
        ("linger.ms", String(options.linger.milliseconds)),
        ("queue.buffering.max.messages", String(options.queueLimit)),
        ("queue.buffering.max.kbytes", String(max(1, options.queueByteLimit >> 10))),
        ("message.max.bytes", String(options.messageByteLimit)),
        ("retry.backoff.ms", "50"),
        // The partitioner of the Java client: everybody finds a key in the same partition.
        ("partitioner", "murmur2_random"),
      ], events: RD_KAFKA_EVENT_DR)
    client.failed = { [weak self] error, _ in self?.failed?(error) }
    client.start(isPolled: options.reportDelay > .zero) { self.report($0) }
    if options.reportDelay > .zero {
      reportTimer = Loop.schedule(after: Self.idleReportDelay) { [weak self] in self?.lookForReports() }
    }
  }

  private func lookForReports() {
    client.drain()
    reportTimer?.reset(after: pending > 0 ? options.reportDelay : Self.idleReportDelay)
  }

  /// The topic called `name`. The first call for a name fixes its guarantee and time-out; both default to the
  /// producer's options.
  ///
  /// Throws `KafkaError` when the name is not one that Kafka allows.
  public func topic(
    _ name: String, guarantee: Guarantee? = nil, deliveryTimeout: Duration? = nil
  ) throws(KafkaError) -> Topic {
    if let known = topics[name] { return known }
    let guarantee = guarantee ?? options.guarantee
    precondition(
      (guarantee == .exactlyOnceInOrder) == (options.guarantee == .exactlyOnceInOrder),
      "exactly-once delivery is a property of the whole producer")
    let topic = try Topic(
      name,
      [
        ("acks", guarantee == .leader ? "1" : "all"),
        ("message.timeout.ms", String((deliveryTimeout ?? options.deliveryTimeout).milliseconds)),
      ], of: client.handle)
    topics[name] = topic
    return topic
  }

  /// Queues a message and returns; `delivered` is called with the offset, or with the reason why there is none.
  ///
  /// Without a partition the key chooses it, and chance does where there is no key. Throws `KafkaError` when the
  /// message is not accepted: `overloaded` (shed load or wait), `tooLarge`, or fatal; `delivered` is then not called.
  public func send(
    to topic: Topic, partition: Int32? = nil, key: UnsafeRawBufferPointer?, value: UnsafeRawBufferPointer?,
    headers: [KafkaHeader] = [], delivered: (@Loop (Result<Offset, KafkaError>) -> Void)? = nil
  ) throws(KafkaError) {
    guard client.isOpen else { throw KafkaError.clientClosed }
    precondition(topic.handle === client.handle, "topic '\(topic.name)' belongs to another producer")
    let list = headers.isEmpty ? nil : Self.list(headers)
    let number = delivered.map { reports.insert($0) } ?? 0
    let status = ckafka_produce(
      topic.handle.client, topic.pointer, partition ?? RD_KAFKA_PARTITION_UA, Self.start(key), key?.count ?? 0,
      Self.start(value), value?.count ?? 0, list, UnsafeMutableRawPointer(bitPattern: number))
    guard status == RD_KAFKA_RESP_ERR_NO_ERROR else {
      if let list { rd_kafka_headers_destroy(list) }
      _ = reports.remove(number)
      throw KafkaError(status, "topic '\(topic.name)'", isFatal: status == RD_KAFKA_RESP_ERR__FATAL)
    }
    pending += 1
    if pending == 1 { reportTimer?.reset(after: options.reportDelay) }
  }

  /// As the other `send`, from arrays.
  public func send(
    to topic: Topic, partition: Int32? = nil, key: [UInt8]? = nil, value: [UInt8]?, headers: [KafkaHeader] = [],
    delivered: (@Loop (Result<Offset, KafkaError>) -> Void)? = nil
  ) throws(KafkaError) {
    // Lending an array lends nothing when it is null, but null and empty must stay apart.
    let (keyArray, valueArray) = (key ?? [], value ?? [])
    try keyArray.span.withUnsafeBytes { keyBytes throws(KafkaError) in
      try valueArray.span.withUnsafeBytes { valueBytes throws(KafkaError) in
        try send(
          to: topic, partition: partition, key: key == nil ? nil : keyBytes, value: value == nil ? nil : valueBytes,
          headers: headers, delivered: delivered)
      }
    }
  }

  /// Sends a message and waits for its delivery; returns its offset.
  ///
  /// Cancelling the task does not take the message back. Throws `KafkaError`, whose `mayBeStored` says whether the
  /// message can be in the log all the same.
  public func produce(
    to topic: Topic, partition: Int32? = nil, key: [UInt8]? = nil, value: [UInt8]?, headers: [KafkaHeader] = []
  ) async throws -> Offset {
    try await withCheckedThrowingContinuation { continuation in
      do {
        try send(to: topic, partition: partition, key: key, value: value, headers: headers) {
          continuation.resume(with: $0)
        }
      } catch {
        continuation.resume(throwing: error)
      }
    }
  }

  /// The brokers, and all topics with their number of partitions.
  public func metadata(within limit: Duration = .seconds(10)) async throws -> ClusterMetadata {
    try await client.metadata(within: limit)
  }

  /// Waits until everything that was sent is delivered or has failed.
  ///
  /// Throws `KafkaError` of reason `timedOut` when `limit` passes first; what is pending then stays so.
  public func flush(within limit: Duration) async throws {
    guard pending > 0 else { return }
    let promise = Promise<Void>()
    let timer = Loop.schedule(after: limit) {
      promise.fail(
        KafkaError(.timedOut, "", "\(self.pending) messages were not delivered within \(limit)", isRetriable: true))
    }
    defer { timer.cancel() }
    emptied.append(promise)
    try await promise.value
  }

  /// Sends what is queued, for at most `limit`; fails the rest with `closed`; then gives everything back.
  ///
  /// Throws what `flush` throws when something had to be given up. May be repeated.
  public func close(within limit: Duration) async throws {
    guard client.isOpen else { return }
    defer { shut() }
    do {
      try await flush(within: limit)
    } catch {
      let flags = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING
      rd_kafka_purge(client.handle.client, flags)
      try? await flush(within: .seconds(1))
      throw error
    }
  }

  private func shut() {
    reportTimer?.cancel()
    reportTimer = nil
    client.stop()
    topics = [:]
    failed = nil
    pending = 0
    for report in reports.removeAll() { report(.failure(.clientClosed)) }
    resumeFlushes()
  }

  private func report(_ event: consuming Event) {
    pending -= rd_kafka_event_message_count(event.pointer)
    while let message = rd_kafka_event_message_next(event.pointer) {
      let error = message.pointee.err
      if error != RD_KAFKA_RESP_ERR_NO_ERROR { failures += 1 }
      guard let number = message.pointee._private, let delivered = reports.remove(Int(bitPattern: number)) else {
        continue
      }
      delivered(error == RD_KAFKA_RESP_ERR_NO_ERROR ? .success(message.pointee.offset) : .failure(Self.error(message)))
    }
    if pending == 0 { resumeFlushes() }
  }

  private func resumeFlushes() {
    let waiting = emptied
    emptied = []
    for promise in waiting { promise.fulfil(()) }
  }

  private static func error(_ message: UnsafePointer<rd_kafka_message_t>) -> KafkaError {
    KafkaError(
      message.pointee.err, "topic '\(String(cString: rd_kafka_topic_name(message.pointee.rkt)))'",
      mayBeStored: rd_kafka_message_status(message) != RD_KAFKA_MSG_STATUS_NOT_PERSISTED)
  }

  /// Where the bytes begin; never null for bytes that are there, even if they are none.
  private static func start(_ bytes: UnsafeRawBufferPointer?) -> UnsafeRawPointer? {
    bytes.map { $0.baseAddress ?? UnsafeRawPointer(bitPattern: 1)! }
  }

  private static func list(_ headers: [KafkaHeader]) -> OpaquePointer? {
    let list = rd_kafka_headers_new(headers.count)
    for header in headers {
      var name = header.name
      name.withUTF8 { name in
        _ = name.withMemoryRebound(to: CChar.self) { name in
          rd_kafka_header_add(list, name.baseAddress, name.count, header.value, header.value.count)
        }
      }
    }
    return list
  }
}
