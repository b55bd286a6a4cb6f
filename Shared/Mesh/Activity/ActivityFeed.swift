import EventLoop
import Kafka
import Telemetry

/// Reads what the gateways see of members' devices. Replicas of a service share the partitions.
///
/// At least once, each gateway's batches in order within a partition; a batch is done when the handler returns. A batch
/// whose handler throws is handled again after a pause, since what it throws for is that a store cannot be reached.
///
/// **Trials.** A partition's reader sends itself a batch now and then, which takes the way that those of the gateways take.
/// As long as such trials arrive, silence is the gateways' own; when Kafka is away, or the reader is far behind, it is not.
@Loop final class ActivityFeed {
  typealias Handler = @Loop (ActivityBatch) async throws -> Void

  private static let limit = 64

  private let trial: Duration
  private let log: Log
  private let handler: Handler
  private var consumer: OrderedConsumer!
  private var producer: Producer?
  private var timer: LoopTimer?
  private var isStopping = false

  /// Reads for `service`, and tries each partition each `trial`.
  init(service: String, trial: Duration, log: Log, metrics: Metrics, handler: @escaping Handler) {
    (self.trial, self.log, self.handler) = (trial, log, handler)
    consumer = OrderedConsumer(group: "\(service).activity", limit: Self.limit, log: log, metrics: metrics) {
      [unowned self] message throws(OrderedConsumer.Unfinished) in
      try await take(message)
      return nil
    }
  }

  func start(_ kafka: KafkaConfiguration, instance: String?) throws {
    try consumer.start(kafka, topics: [MeshTopics.activity], instance: instance)
    var options = Producer.Options()
    options.guarantee = .leader
    // A trial that comes late tries nothing.
    options.deliveryTimeout = .seconds(5)
    producer = try Producer(kafka, options)
    timer = Loop.schedule(after: .zero) { [weak self] in self?.tryOut() }
  }

  private func tryOut() {
    timer?.reset(after: trial)
    for partition in consumer.partitions {
      let batch = ActivityBatch(
        gateway: ActivityBatch.nobody, partition: Int(partition.partition), at: .now, signals: [])
      // One that is not sent is not heard, which is all there is to say.
      if let producer, let topic = try? producer.topic(MeshTopics.activity) {
        try? producer.send(to: topic, partition: partition.partition, key: nil, value: batch.bytes)
      }
    }
  }

  var isReady: Bool { consumer.hasJoined }

  var failedForGood: (@Loop (KafkaError) -> Void)? {
    get { consumer.failedForGood }
    set { consumer.failedForGood = newValue }
  }

  func stop(within limit: Duration) async {
    isStopping = true
    timer?.cancel()
    await consumer.stop(within: limit)
    try? await producer?.close(within: .zero)
  }

  private func take(_ message: KafkaMessage) async throws(OrderedConsumer.Unfinished) {
    guard
      let batch = message.value.flatMap({ ActivityBatch($0, partition: Int(message.topicPartition.partition)) })
    else { return log.limited().warning("a batch of signals is malformed", ["offset": message.offset]) }
    var pause = Duration.milliseconds(50)
    while !isStopping {
      do {
        return try await handler(batch)
      } catch {
        log.limited().warning("signals of devices wait", ["signals": batch.signals.count, "error": "\(error)"])
      }
      try? await Loop.sleep(for: pause)
      pause = min(pause * 2, .seconds(1))
    }
    throw OrderedConsumer.Unfinished()
  }
}
