import EventLoop
import Kafka
import Telemetry

/// Reads what the gateways see of members' devices. Replicas of a service share the partitions.
///
/// At least once, each gateway's batches in order within a partition; a batch is done when the handler returns. A batch
/// whose handler throws is handled again after a pause, since what it throws for is that a store cannot be reached.
@Loop final class ActivityFeed {
  typealias Handler = @Loop (ActivityBatch) async throws -> Void

  private static let limit = 64

  private let log: Log
  private let handler: Handler
  private var consumer: OrderedConsumer!
  private var isStopping = false

  init(service: String, log: Log, metrics: Metrics, handler: @escaping Handler) {
    (self.log, self.handler) = (log, handler)
    consumer = OrderedConsumer(group: "\(service).activity", limit: Self.limit, log: log, metrics: metrics) {
      [unowned self] message throws(OrderedConsumer.Unfinished) in try await take(message)
    }
  }

  func start(_ kafka: KafkaConfiguration, instance: String?) throws {
    try consumer.start(kafka, topics: [MeshTopics.activity], instance: instance)
  }

  var isReady: Bool { consumer.hasJoined }

  var failedForGood: (@Loop (KafkaError) -> Void)? {
    get { consumer.failedForGood }
    set { consumer.failedForGood = newValue }
  }

  func stop(within limit: Duration) async {
    isStopping = true
    await consumer.stop(within: limit)
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
