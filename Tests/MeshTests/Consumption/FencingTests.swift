import EventLoop
import Kafka
import Telemetry
import TestKit
import Testing

@testable import Mesh

/// A second replica of the same name: it takes the place of the member with the same static name.
@Loop private final class Twin: ConsumerDelegate {
  private(set) var hasJoined = false
  private(set) var isFenced = false

  func received(_ messages: [KafkaMessage], from consumer: Consumer) {}
  func assigned(_ partitions: [TopicPartition], to consumer: Consumer) { hasJoined = true }
  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    isFenced = isFenced || error.reason == .fenced
  }
}

/// What came of it.
@Loop private final class Heard {
  var keys: Set<String> = []
  var failures: [KafkaError] = []
}

@Suite struct FencingTests {
  @Test @Loop func `a member that was fenced joins anew and misses nothing, and gives up when its twin lives`()
    async throws
  {
    let service = TestMesh.freshService()
    try await TestMesh.makeTopics(for: [service])
    let heard = Heard()
    let consumer = OrderedConsumer(group: service, limit: 4, log: TestMesh.log, metrics: Metrics()) { message in
      heard.keys.insert(message.withKey { $0.map { String(decoding: $0, as: UTF8.self) } ?? "" })
      return nil
    }
    consumer.failedForGood = { heard.failures.append($0) }
    try consumer.start(TestMesh.kafka(), topics: [MeshTopics.requests(of: service)], instance: "replica-0")
    let producer = try Producer(TestMesh.kafka())
    func send(_ keys: Range<Int>) async throws {
      for key in keys {
        let topic = try producer.topic(MeshTopics.requests(of: service))
        _ = try await producer.produce(to: topic, key: Array("\(key)".utf8), value: [1])
      }
    }
    try await send(0..<20)
    try await TestMesh.wait { heard.keys.count == 20 }

    func join() throws -> (Consumer, Twin) {
      let twin = Twin()
      let options = ConsumerOptions(group: .init(service, instance: "replica-0"))
      let consumer = try Consumer(TestMesh.kafka(), options, delegate: twin)
      try consumer.subscribe(to: [MeshTopics.requests(of: service)])
      return (consumer, twin)
    }
    let (first, twin) = try join()
    try await TestMesh.wait { twin.hasJoined }
    // The one that was fenced takes the place of its twin in turn.
    try await TestMesh.wait { twin.isFenced }
    await first.close(within: .seconds(5))
    try await send(20..<40)
    try await TestMesh.wait { heard.keys.count == 40 }
    #expect(heard.failures.isEmpty)

    let (second, _) = try join()
    try await TestMesh.wait { heard.failures.count == 1 }
    #expect(heard.failures.first?.reason == .fenced)
    await second.close(within: .seconds(5))
    await consumer.stop(within: .seconds(5))
    try await producer.close(within: .seconds(5))
  }
}
