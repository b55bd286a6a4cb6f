import CKafka
import EventLoop

/// Whoever handles what a consumer reads. All calls come on the loop.
@Loop public protocol ConsumerDelegate: AnyObject {
  /// Messages of one turn, in order within each partition. Never empty.
  func received(_ messages: [KafkaMessage], from consumer: Consumer)

  /// Partitions are this member's from now on. Their messages follow, from the committed offsets.
  func assigned(_ partitions: [TopicPartition], to consumer: Consumer)

  /// Partitions are about to go to another member; no more of their messages arrive. Finish what is under way and
  /// commit it before returning: until then the group waits, at most for the stall time-out.
  ///
  /// `lost` means that they are gone already, because this member was taken for dead: commits would be refused.
  func revoked(_ partitions: [TopicPartition], lost: Bool, from consumer: Consumer) async

  /// Everything that was in the partition has been delivered; `offset` is that of the next message to come. Called
  /// only when the options ask for it.
  func reachedEnd(of partition: TopicPartition, at offset: Offset, in consumer: Consumer)

  /// An error that belongs to no call: a lost connection (which is being repaired), a topic that does not exist, a
  /// position that is not in the log (nothing more is read from that partition until `seek`). After a fatal error
  /// the consumer is of no further use.
  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer)
}

extension ConsumerDelegate {
  /// Does nothing.
  public func assigned(_ partitions: [TopicPartition], to consumer: Consumer) {}
  /// Does nothing.
  public func revoked(_ partitions: [TopicPartition], lost: Bool, from consumer: Consumer) async {}
  /// Does nothing.
  public func reachedEnd(of partition: TopicPartition, at offset: Offset, in consumer: Consumer) {}
}

/// Reads messages from topics: as a member of a group (`subscribe`), or from given positions (`assign`).
///
/// **Overview.** librdkafka fetches ahead, within bounds; what has arrived is handed to the delegate once a turn.
/// Whoever cannot keep up sets `isHeld`, and everything behind comes to rest, up to the broker.
///
/// **Guarantees.** Nothing is committed by itself: `commit` stores the offset of the next message to read, so what was
/// handled and not committed comes again. Rebalances are cooperative (KIP-429): partitions that stay are not disturbed.
///
/// **Life cycle.** A consumer lives, and keeps its delegate alive, until `close`.
@Loop public final class Consumer {
  /// Where reading begins.
  public enum Start: Sendable, Hashable {
    /// With this message.
    case offset(Offset)
    /// With the oldest message that is left.
    case beginning
    /// With the first message that arrives after the call of `assign`.
    case end
  }

  private let client: KafkaClient
  private let options: ConsumerOptions
  private var delegate: (any ConsumerDelegate)?
  private var batch: [KafkaMessage] = []
  private var heartbeat: LoopTimer?
  /// Partitions whose revocation the delegate is working on; what still arrives from them is not delivered.
  private var leaving: Set<TopicPartition> = []
  private var closed = Promise<Void>()
  private var isClosing = false

  /// Partitions that are this consumer's at the moment.
  public private(set) var assignment: Set<TopicPartition> = []

  /// Starts a consumer that reads nothing until `subscribe` or `assign`. Succeeds without a broker.
  ///
  /// Throws `KafkaError` of reason `configuration`.
  public init(
    _ configuration: KafkaConfiguration, _ options: ConsumerOptions, delegate: any ConsumerDelegate
  ) throws(KafkaError) {
    self.options = options
    self.delegate = delegate
    client = try KafkaClient(
      RD_KAFKA_CONSUMER, configuration, options.settings(clientID: configuration.clientID),
      events: RD_KAFKA_EVENT_FETCH | RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_OFFSET_COMMIT)
    client.failed = { error, partition in self.delegate?.failed(error, partition: partition, in: self) }
    client.start({ self.handle($0) }, drained: { self.endTurn() })
    if let group = options.group { proveLife(every: group.stallTimeout / 3) }
  }

  /// A member must look into its queue now and then, or it is taken for stuck (`max.poll.interval.ms`). An idle topic
  /// gives no reason to, hence the timer; a loop that stands still does not fire it, as it should be.
  private func proveLife(every interval: Duration) {
    heartbeat = Loop.schedule(after: interval) { [weak self] in
      self?.client.drain()
      self?.heartbeat?.reset(after: interval)
    }
  }

  // MARK: What to read

  /// Joins the group and shares the topics' partitions with its other members. Topics that do not exist yet are
  /// reported to the delegate and joined when they appear.
  public func subscribe(to topics: [String]) throws(KafkaError) {
    try checkOpen()
    precondition(options.group != nil, "subscribing needs a group")
    let list = PartitionList(topics.map { TopicPartition($0, RD_KAFKA_PARTITION_UA) })
    try KafkaError.check(rd_kafka_subscribe(client.handle.client, list.pointer), topics.joined(separator: ", "))
  }

  /// Reads exactly these partitions, outside any group, and no others.
  ///
  /// When this returns, every position is fixed: what is produced afterwards will be read, `.end` included. Throws
  /// `KafkaError`, as `unreachable` or `unknownTopic`, when an end cannot be found out within `limit`.
  public func assign(_ starts: [TopicPartition: Start], within limit: Duration = .seconds(10)) async throws {
    try checkOpen()
    var offsets: [TopicPartition: Offset] = [:]
    for (partition, start) in starts {
      switch start {
      case .offset(let offset): offsets[partition] = offset
      // Asked here, because librdkafka takes half a second to find out by itself.
      case .beginning: offsets[partition] = try await watermarks(of: partition, within: limit).beginning
      case .end: offsets[partition] = try await watermarks(of: partition, within: limit).end
      }
    }
    try checkOpen()
    let list = PartitionList(offsets)
    client.handle.collect(Array(offsets.keys))
    try KafkaError.check(rd_kafka_assign(client.handle.client, list.pointer), "assignment")
    assignment = Set(starts.keys)
  }

  /// While true, no messages are delivered. Those that are fetched ahead wait, fetching stops at its bounds, and
  /// delivery goes on at once afterwards; rebalances and heartbeats are not affected. For back-pressure.
  public var isHeld: Bool {
    get { client.holdsMessages }
    set { client.holdsMessages = newValue }
  }

  /// Stops fetching from partitions until `resume`. What was fetched ahead and not delivered is dropped and fetched
  /// again, up to half a second after `resume`: for long pauses of some partitions. See `isHeld` for short ones of all.
  public func pause(_ partitions: some Collection<TopicPartition>) throws(KafkaError) {
    try checkOpen()
    let list = PartitionList(partitions)
    try KafkaError.check(rd_kafka_pause_partitions(client.handle.client, list.pointer), "pause")
  }

  /// Goes on after `pause`, with the first message that was not delivered.
  public func resume(_ partitions: some Collection<TopicPartition>) throws(KafkaError) {
    try checkOpen()
    let list = PartitionList(partitions)
    try KafkaError.check(rd_kafka_resume_partitions(client.handle.client, list.pointer), "resume")
  }

  /// Goes on reading assigned partitions elsewhere. Takes effect soon; no message from before is delivered afterwards.
  public func seek(_ offsets: [TopicPartition: Offset]) throws(KafkaError) {
    try checkOpen()
    let list = PartitionList(offsets)
    let client = client.handle.client
    // librdkafka's own seek does nothing for a partition that has stopped at an invalid offset: begin it anew.
    try KafkaError.check(rd_kafka_incremental_unassign(client, list.pointer), "seek")
    // Stopping a partition undoes `collect`. Each of these questions waits for librdkafka's main thread: after the
    // first it has asked the partitions to stop, after the second they have.
    for _ in 0..<2 {
      var unused: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
      try KafkaError.check(rd_kafka_assignment(client, &unused), "seek")
      rd_kafka_topic_partition_list_destroy(unused)
    }
    self.client.handle.collect(Array(offsets.keys))
    try KafkaError.check(rd_kafka_incremental_assign(client, list.pointer), "seek")
  }

  // MARK: Offsets

  /// Commits for the group: for each partition the offset of the *next* message to read. Returns when it is stored.
  ///
  /// Throws `KafkaError`: `notAssigned` when the partition is another member's by now.
  public func commit(_ offsets: [TopicPartition: Offset]) async throws {
    guard !offsets.isEmpty else { return }
    let entries = try await client.request { opaque throws(KafkaError) in
      let list = PartitionList(offsets)
      try KafkaError.check(
        rd_kafka_commit_queue(client.handle.client, list.pointer, client.handle.queue, nil, opaque), "commit")
    } parse: { event throws(KafkaError) in
      try KafkaError.check(rd_kafka_event_error(event), "commit")
      return PartitionList.entries(of: rd_kafka_event_topic_partition_list(event))
    }
    for entry in entries { try entry.check() }
  }

  /// The group's committed offsets; partitions without one are left out.
  public func committed(_ partitions: [TopicPartition]) async throws -> [TopicPartition: Offset] {
    precondition(options.group != nil, "committed offsets are a group's")
    return try await client.committedOffsets(of: options.group?.name ?? "", partitions)
  }

  /// For each partition the offset that follows the last delivered message; those of which nothing was delivered yet
  /// are left out.
  public func positions(of partitions: some Collection<TopicPartition>) throws(KafkaError) -> [TopicPartition: Offset] {
    try checkOpen()
    let list = PartitionList(partitions)
    try KafkaError.check(rd_kafka_position(client.handle.client, list.pointer), "position")
    let known = list.entries.filter { $0.offset >= 0 }
    return Dictionary(known.map { ($0.partition, $0.offset) }, uniquingKeysWith: { $1 })
  }

  /// The offset that a partition's next message will get, as the last answer to this consumer said; nil before the first.
  public func knownEnd(of partition: TopicPartition) -> Offset? {
    var (low, high): (Int64, Int64) = (0, 0)
    guard client.isOpen else { return nil }
    let status = rd_kafka_get_watermark_offsets(
      client.handle.client, partition.topic, partition.partition, &low, &high)
    return status == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : nil
  }

  /// The oldest offset in a partition and the one that the next message will get, asked of its leader.
  public func watermarks(
    of partition: TopicPartition, within limit: Duration = .seconds(10)
  ) async throws -> Watermarks {
    try await client.watermarks(of: partition, within: limit)
  }

  /// Gives the partitions back, after the delegate has finished with them, leaves the group (unless membership is
  /// static), and ends. After `limit` it ends all the same. May be repeated.
  public func close(within limit: Duration = .seconds(5)) async {
    guard client.isOpen, !isClosing else { return }
    isClosing = true
    if let error = rd_kafka_consumer_close_queue(client.handle.client, client.handle.queue) {
      rd_kafka_error_destroy(error)
    } else {
      let timer = Loop.schedule(after: limit) { self.closed.fulfil(()) }
      defer { timer.cancel() }
      client.drain()
      try? await closed.value
    }
    heartbeat?.cancel()
    heartbeat = nil
    client.stop()
    delegate = nil
    batch = []
    assignment = []
  }

  private func checkOpen() throws(KafkaError) {
    guard client.isOpen, !isClosing else { throw KafkaError.clientClosed }
  }

  // MARK: Events

  private func handle(_ event: consuming Event) {
    switch event.type {
    case RD_KAFKA_EVENT_FETCH:
      guard let message = KafkaMessage(consuming: event, of: client.handle) else { return }
      if leaving.isEmpty || !leaving.contains(message.topicPartition) { batch.append(message) }
    case RD_KAFKA_EVENT_REBALANCE:
      deliver()
      rebalance(event)
    case RD_KAFKA_EVENT_ERROR:
      deliver()
      reportEnd(event)
    default:
      break
    }
  }

  private func endTurn() {
    deliver()
    if isClosing, rd_kafka_consumer_closed(client.handle.client) != 0 { closed.fulfil(()) }
  }

  private func deliver() {
    guard !batch.isEmpty else { return }
    let messages = batch
    batch = []
    delegate?.received(messages, from: self)
  }

  private func reportEnd(_ event: borrowing Event) {
    guard let found = rd_kafka_event_topic_partition(event.pointer) else { return }
    defer { rd_kafka_topic_partition_destroy(found) }
    let partition = TopicPartition(String(cString: found.pointee.topic), found.pointee.partition)
    delegate?.reachedEnd(of: partition, at: found.pointee.offset, in: self)
  }

  private func rebalance(_ event: borrowing Event) {
    let list = rd_kafka_event_topic_partition_list(event.pointer)
    let partitions = PartitionList.entries(of: list).map(\.partition)
    switch event.error {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
      assignment.formUnion(partitions)
      client.handle.collect(partitions)
      report(rd_kafka_incremental_assign(client.handle.client, list))
      // A partition that was paused when it went away would come back paused.
      rd_kafka_resume_partitions(client.handle.client, list)
      delegate?.assigned(partitions, to: self)
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
      revoke(partitions, lost: rd_kafka_assignment_lost(client.handle.client) != 0)
    default:
      report(KafkaError(event.error, "rebalance", message: event.errorText))
      rd_kafka_assign(client.handle.client, nil)
    }
  }

  /// Lets the delegate finish, then tells the group. The group's state machine waits for that.
  private func revoke(_ partitions: [TopicPartition], lost: Bool) {
    leaving.formUnion(partitions)
    Loop.task { [self] in
      await delegate?.revoked(partitions, lost: lost, from: self)
      guard client.isOpen else { return }
      assignment.subtract(partitions)
      let list = PartitionList(partitions)
      report(rd_kafka_incremental_unassign(client.handle.client, list.pointer))
      leaving.subtract(partitions)
    }
  }

  private func report(_ error: OpaquePointer?) {
    if let error { report(KafkaError(consuming: error, "rebalance")) }
  }

  private func report(_ error: KafkaError) { delegate?.failed(error, partition: nil, in: self) }
}
