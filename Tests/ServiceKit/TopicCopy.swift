import EventLoop
import Foundation
public import Kafka

/// A copy of a compacted topic of one partition, kept as gateways keep it.
@Loop public final class TopicCopy: ConsumerDelegate {
  /// What is there now, by key.
  public private(set) var values: [String: [UInt8]] = [:]
  private var consumer: Consumer?

  /// An empty copy.
  public init() {}

  /// Begins to read.
  public func open(_ topic: String, _ kafka: KafkaConfiguration) async throws {
    var options = ConsumerOptions()
    options.reset = .earliest
    let consumer = try Consumer(kafka, options, delegate: self)
    self.consumer = consumer
    try await consumer.assign([TopicPartition(topic, 0): .beginning], within: .seconds(10))
  }

  /// Reads no more.
  public func close() async { await consumer?.close(within: .seconds(1)) }

  /// Called by the consumer.
  public func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages { values[String(decoding: message.key ?? [], as: UTF8.self)] = message.value }
  }

  /// Called by the consumer, which goes on.
  public func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {}

  /// The value of a key, decoded; nil while there is none.
  public subscript<Value: Decodable>(key: String, as type: Value.Type) -> Value? {
    values[key].flatMap { try? JSONDecoder().decode(type, from: Data($0)) }
  }
}
