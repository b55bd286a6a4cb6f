import EventLoop
public import Kafka
public import Telemetry

/// Follows compacted topics: reads them whole, then whatever is new, and so keeps tables that are as the topics are.
///
/// **Guarantees.** Each key's values are handed over in their order, the last one for certain; earlier ones may be missing,
/// and all may come again. A nil value removes its key.
///
/// **Life cycle.** `start()` returns when everything that was there has been handed over; from then on the tables follow,
/// until `close()`.
@Loop public final class CompactedTopics: ConsumerDelegate {
  /// Takes what a key's value is from now on; nil when it has none any more.
  public typealias Apply = @Loop (_ key: String, _ value: [UInt8]?) -> Void

  private let kafka: KafkaConfiguration
  private let tables: [String: Apply]
  private let log: Log
  private var consumer: Consumer?
  private var unread: Set<TopicPartition> = []
  private let isCurrent = Promise<Void>()

  /// Prepares to follow the topics that `tables` names.
  public init(_ kafka: KafkaConfiguration, _ tables: [String: Apply], log: Log) {
    (self.kafka, self.tables, self.log) = (kafka, tables, log)
  }

  /// Reads everything there is, and goes on reading. Throws `KafkaError` when Kafka cannot be reached, or a topic is
  /// missing, for as long as `limit`; waits for what is slow.
  public func start(within limit: Duration = .seconds(30)) async throws {
    let admin = try Admin(kafka)
    defer { admin.close() }
    try await admin.waitUntilReady(topics: tables.mapValues { _ in 1 }, within: limit)
    let counts = try await admin.metadata().topics
    let partitions = tables.keys.flatMap { topic in
      (0..<Int32(counts[topic, default: 1])).map { TopicPartition(topic, $0) }
    }
    var options = ConsumerOptions()
    options.reset = .earliest
    options.reportsEnd = true
    let consumer = try Consumer(kafka, options, delegate: self)
    self.consumer = consumer
    unread = Set(partitions)
    try await consumer.assign(Dictionary(uniqueKeysWithValues: partitions.map { ($0, .beginning) }))
    try await isCurrent.value
  }

  /// Ends.
  public func close() async {
    await consumer?.close(within: .seconds(1))
    consumer = nil
  }

  /// Called by the consumer.
  public func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages {
      guard let key = message.key.flatMap({ String(validating: $0, as: UTF8.self) }) else { continue }
      tables[message.topicPartition.topic]?(key, message.value)
    }
  }

  /// Called by the consumer.
  public func reachedEnd(of partition: TopicPartition, at offset: Offset, in consumer: Consumer) {
    unread.remove(partition)
    if unread.isEmpty { isCurrent.fulfil(()) }
  }

  /// Called by the consumer.
  public func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    log.limited().warning("trouble with the tables of the mesh", ["error": "\(error)"])
  }
}
