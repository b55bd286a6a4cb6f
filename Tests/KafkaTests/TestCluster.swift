import EventLoop
import Foundation
import Kafka
import Testing
import TestKit

/// Something for the tests to talk to. Started once, for all of them.
enum TestCluster: String, CaseIterable, Sendable {
  /// The mock cluster inside librdkafka: knows no administration.
  case mock
  /// Our own broker.
  case broker

  /// The cluster's settings, for a client that is called `clientID`.
  @Loop func configuration(clientID: String = "test", properties: [String: String] = [:]) async throws
    -> KafkaConfiguration
  {
    try KafkaConfiguration(brokers: await brokers, clientID: clientID, properties: properties)
  }

  @Loop private static var mockCarrier: Admin?
  @Loop private static var server: BrokerServer?

  @Loop private var brokers: String {
    get async throws {
      switch self {
      case .mock:
        // The client that carries the mock cluster stays for the whole run.
        let carrier =
          try Self.mockCarrier
          ?? Admin(
            KafkaConfiguration(brokers: "unused:1", clientID: "mock", properties: ["test.mock.num.brokers": "1"]))
        Self.mockCarrier = carrier
        return try await carrier.metadata().brokers.map(\.address).joined(separator: ",")
      case .broker:
        let server = try Self.server ?? BrokerServer()
        Self.server = server
        return server.address
      }
    }
  }

  /// A topic name that nobody else uses.
  static func freshTopic() -> String { "test-\(UInt64.random(in: 0...UInt64.max))" }
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
