import EventLoop
import Kafka
import Telemetry

/// Reads topics as a member of a group and has each message handled: in order for each key, side by side across keys.
///
/// **Invariants.** An offset is committed only when its message and all before it in the partition are done. A partition
/// is given back when what is under way has ended, or its time is up; messages that had not started go to the next owner.
///
/// **Bounds.** `limit` messages are under way; when `waitingLimit` wait, all partitions pause until half of them are done.
///
/// **Fencing.** A replica that stood still, or was cut off, and was missed by its group comes back under its static name
/// while questions of its old self may still be on their way. Such a question fences the member for good (KIP-345), and
/// librdkafka can do nothing more: the consumer is made anew, and the replica goes on.
@Loop final class OrderedConsumer: ConsumerDelegate {
  /// Handles one message. When it returns nil, the message is done; it never comes again unless the process dies first.
  /// Otherwise it is done when the rest is, and what follows with its key need not wait for that.
  typealias Handler = @Loop (KafkaMessage) async throws(Unfinished) -> Rest?

  /// What is still to happen before a message is done.
  typealias Rest = @Loop () async throws(Unfinished) -> Void

  /// Says that a message was not handled, as the process is ending: it comes again, to whoever reads the partition next.
  struct Unfinished: Error {}

  private struct Item {
    let message: KafkaMessage
    let tenure: Tenure
  }

  /// The time during which a partition is this member's.
  @Loop private final class Tenure {
    var progress = LowWaterMark()
    var running = 0
    var isLeaving = false
  }

  private static let commitInterval = Duration.milliseconds(500)
  private static let waitingLimit = 4096
  /// How long a partition's work may take when another member waits for it; less than the group's patience.
  private static let leavingLimit = Duration.seconds(10)
  /// A member that is fenced again within this time has a twin that lives: one of the two has to end.
  private static let fencingLimit = Duration.seconds(30)
  /// How long a fenced consumer may take to end. There is nothing it could still give back.
  private static let endingLimit = Duration.seconds(2)

  private let group: String
  private let log: Log
  private let handler: Handler
  private var consumer: Consumer?
  private var make: (@Loop () throws(KafkaError) -> Consumer)?
  private var fencedAt: ContinuousClock.Instant?
  private var queue: KeyedQueue<Item>
  private var owned: [TopicPartition: Tenure] = [:]
  private var paused: Set<TopicPartition> = []
  private var commitTimer: LoopTimer?
  private var rested: [Promise<Void>] = []
  private let metrics: Metrics
  private lazy var waiting = metrics.gauge(
    "mesh_messages_waiting", "Messages read and not yet handled.", ["group": group])
  private lazy var lag = metrics.gauge(
    "mesh_consumer_lag", "Messages not yet handled of the partitions that this replica reads.", ["group": group])

  /// Messages that are being handled.
  var underWay: Int { queue.running }
  /// Whether the group has given this member its partitions at least once.
  private(set) var hasJoined = false
  /// The partitions that are this member's at the moment.
  var partitions: some Collection<TopicPartition> { owned.keys }
  /// Called when the consumer can do nothing more: the process should end and be started again.
  var failedForGood: (@Loop (KafkaError) -> Void)?

  init(group: String, limit: Int, log: Log, metrics: Metrics, handler: @escaping Handler) {
    (self.group, self.log, self.metrics, self.handler) = (group, log, metrics, handler)
    queue = KeyedQueue(limit: limit)
  }

  /// Joins the group. `instance` is the static membership id of this replica.
  func start(_ kafka: KafkaConfiguration, topics: [String], instance: String?) throws {
    var options = ConsumerOptions(group: .init(group, instance: instance))
    options.reset = .earliest
    options.prefetchLimit = 1000
    options.fetchWait = .milliseconds(100)
    let make: @Loop () throws(KafkaError) -> Consumer = { [unowned self] () throws(KafkaError) in
      let consumer = try Consumer(kafka, options, delegate: self)
      try consumer.subscribe(to: topics)
      return consumer
    }
    consumer = try make()
    self.make = make
    commitTimer = Loop.schedule(after: Self.commitInterval) { [weak self] in self?.commitOnTime() }
    // From here on there is something to show: a service that hears nobody has no such group.
    waiting.set(0)
    lag.set(0)
  }

  /// Stops reading, lets what is under way end, commits, and leaves.
  func stop(within limit: Duration) async {
    commitTimer?.cancel()
    make = nil
    await consumer?.close(within: limit)
    consumer = nil
    owned = [:]
  }

  // MARK: Messages

  func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages {
      let partition = message.topicPartition
      guard let tenure = owned[partition], !tenure.isLeaving, tenure.progress.begin(message.offset) else { continue }
      let key = message.withKey { key in
        key.map { bytes in
          var hasher = Hasher()
          hasher.combine(partition)
          hasher.combine(bytes: bytes)
          return hasher.finalize()
        }
      }
      queue.add(Item(message: message, tenure: tenure), key: key)
    }
    startWork()
    pauseOrResume()
  }

  private func startWork() {
    while let (key, item) = queue.start() {
      guard !item.tenure.isLeaving else {
        queue.finish(key: key)
        continue
      }
      item.tenure.running += 1
      Loop.task { [self] in
        var holdsKey = true
        do throws(Unfinished) {
          if let rest = try await handler(item.message) {
            holdsKey = false
            goOn(after: key)
            try await rest()
          }
          item.tenure.progress.finish(item.message.offset)
        } catch {
          // The mark stays before it, and so does what is committed.
        }
        item.tenure.running -= 1
        if item.tenure.isLeaving, item.tenure.running == 0 { announceRest() }
        if holdsKey { goOn(after: key) }
      }
    }
    waiting.set(queue.waiting)
  }

  private func goOn(after key: Int?) {
    queue.finish(key: key)
    startWork()
    pauseOrResume()
  }

  private func pauseOrResume() {
    guard let consumer else { return }
    do {
      if queue.waiting > Self.waitingLimit {
        let more = consumer.assignment.subtracting(paused)
        guard !more.isEmpty else { return }
        try consumer.pause(more)
        paused.formUnion(more)
      } else if queue.waiting < Self.waitingLimit / 2, !paused.isEmpty {
        try consumer.resume(paused.intersection(consumer.assignment))
        paused = []
      }
    } catch {
      log.limited().warning("cannot pause or resume reading", ["group": group, "error": "\(error)"])
    }
  }

  // MARK: Partitions

  func assigned(_ partitions: [TopicPartition], to consumer: Consumer) {
    hasJoined = true
    for partition in partitions {
      owned[partition] = Tenure()
      paused.remove(partition)
    }
    log.debug("partitions assigned", ["group": group, "partitions": partitions.count])
  }

  func revoked(_ partitions: [TopicPartition], lost: Bool, from consumer: Consumer) async {
    for partition in partitions { owned[partition]?.isLeaving = true }
    if !lost {
      await rest(of: partitions)
      do {
        try await consumer.commit(takeToCommit(partitions))
      } catch {
        log.warning("offsets not committed; messages will come again", ["group": group, "error": "\(error)"])
      }
    }
    for partition in partitions { owned[partition] = nil }
    log.debug("partitions revoked", ["group": group, "partitions": partitions.count, "lost": lost])
  }

  /// Returns when nothing of these partitions is under way, or time is up.
  private func rest(of partitions: [TopicPartition]) async {
    let deadline = Loop.now.advanced(by: Self.leavingLimit)
    while partitions.contains(where: { owned[$0]?.running ?? 0 > 0 }), Loop.now < deadline {
      let promise = Promise<Void>()
      let timer = Loop.schedule(after: Loop.now.duration(to: deadline)) { promise.fulfil(()) }
      rested.append(promise)
      try? await promise.value
      timer.cancel()
    }
  }

  private func announceRest() {
    let waiting = rested
    rested = []
    for promise in waiting { promise.fulfil(()) }
  }

  // MARK: Offsets

  private func takeToCommit(_ partitions: some Collection<TopicPartition>) -> [TopicPartition: Offset] {
    var offsets: [TopicPartition: Offset] = [:]
    for partition in partitions { offsets[partition] = owned[partition]?.progress.takeToCommit() }
    return offsets
  }

  private func commitOnTime() {
    commitTimer?.reset(after: Self.commitInterval)
    guard let consumer else { return }
    lag.set(owned.reduce(0) { $0 + behind(in: $1.key, $1.value, consumer) })
    let staying = owned.filter { !$0.value.isLeaving }.map(\.key)
    let offsets = takeToCommit(staying)
    guard !offsets.isEmpty else { return }
    Loop.task { [self] in
      do {
        try await consumer.commit(offsets)
      } catch {
        // It is tried again, also where no message follows; until then a crash repeats some messages.
        for partition in offsets.keys { owned[partition]?.progress.giveBack() }
        log.limited().warning("offsets not committed", ["group": group, "error": "\(error)"])
      }
    }
  }

  /// How many messages of a partition are not done. Where nothing was delivered yet, nothing was there to be.
  private func behind(in partition: TopicPartition, _ tenure: Tenure, _ consumer: Consumer) -> Int {
    guard let mark = tenure.progress.mark, let end = consumer.knownEnd(of: partition) else { return 0 }
    return Int(max(0, end - mark))
  }

  // MARK: Trouble

  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    guard error.isFatal else {
      return log.limited().warning("consumer trouble", ["group": group, "error": "\(error)"])
    }
    // What the old consumer says while it ends is known.
    guard consumer === self.consumer else { return }
    let hasTwin = fencedAt.map { $0.duration(to: Loop.now) < Self.fencingLimit } ?? false
    guard error.reason == .fenced, !hasTwin else { return giveUp(error) }
    fencedAt = Loop.now
    log.warning("fenced; joining the group anew", ["group": group, "error": "\(error)"])
    self.consumer = nil
    Loop.task { await self.join(after: consumer) }
  }

  /// Ends a consumer that can do nothing more, and joins with another one. What is under way ends as after a partition
  /// was lost; its messages come again.
  private func join(after fenced: Consumer) async {
    for tenure in owned.values { tenure.isLeaving = true }
    owned = [:]
    paused = []
    await fenced.close(within: Self.endingLimit)
    do { consumer = try make?() } catch { giveUp(error) }
  }

  private func giveUp(_ error: KafkaError) {
    log.error("the consumer cannot go on", ["group": group, "error": "\(error)"])
    failedForGood?(error)
  }
}
