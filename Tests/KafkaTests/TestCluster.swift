import EventLoop
import Foundation
import Kafka
import Testing
import TestKit

/// The broker that all tests of this suite talk to, each on topics of its own.
@Loop enum TestCluster {
  private static var server: BrokerServer?

  /// Settings for a client that is called `clientID`.
  static func configuration(
    clientID: String = "test", properties: [String: String] = [:]
  ) throws -> KafkaConfiguration {
    let server = try server ?? BrokerServer(arguments: ["--auto-create", "--default-partitions", "4"])
    Self.server = server
    return try KafkaConfiguration(brokers: server.address, clientID: clientID, properties: properties)
  }

  /// A topic name that nobody else uses.
  nonisolated static func freshTopic() -> String { "test-\(UInt64.random(in: 0...UInt64.max))" }
}

/// Collects what a consumer reports, and lets tests wait for it.
@Loop final class Recorder: ConsumerDelegate {
  var messages: [KafkaMessage] = []
  var assigned: [[TopicPartition]] = []
  var revoked: [[TopicPartition]] = []
  var ends: [TopicPartition: Offset] = [:]
  var errors: [(KafkaError, TopicPartition?)] = []
  var onMessages: (([KafkaMessage], Consumer) -> Void)?
  var onRevoked: (([TopicPartition], Consumer) async -> Void)?

  var values: [String] { messages.map { String(decoding: $0.value ?? [], as: UTF8.self) } }

  func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    self.messages += messages
    onMessages?(messages, consumer)
  }
  func assigned(_ partitions: [TopicPartition], to consumer: Consumer) { assigned.append(partitions) }
  func revoked(_ partitions: [TopicPartition], lost: Bool, from consumer: Consumer) async {
    await onRevoked?(partitions, consumer)
    revoked.append(partitions)
  }
  func reachedEnd(of partition: TopicPartition, at offset: Offset, in consumer: Consumer) { ends[partition] = offset }
  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    errors.append((error, partition))
  }
}

/// Waits until `condition` holds, looking again every few milliseconds; gives up after 30 s.
@Loop func eventually(_ what: String, _ condition: () -> Bool) async throws {
  for _ in 0..<6000 {
    if condition() { return }
    try await Loop.sleep(for: .milliseconds(5))
  }
  Issue.record("never happened: \(what)")
  throw CancellationError()
}
