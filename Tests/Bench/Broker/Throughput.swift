import BenchKit
import EventLoop
import Foundation
import Kafka

/// Writes to a topic as fast as the broker takes it, and reads it back.
@Loop enum Throughput {
  struct Result {
    var messages = 0
    var seconds = 0.0
    var perSecond: Double { Double(messages) / seconds }
  }

  /// What a user who wants throughput sets: full batches, a short wait for them, a deep queue.
  static let tuning = ["batch.num.messages": "10000", "batch.size": "1000000"]
  static let linger = Duration.milliseconds(5)

  /// Sends at most `count` messages of `size` bytes for at most `duration`; the clock stops at the last delivery.
  static func produce(
    to name: String, size: Int, count: Int, duration: Duration, guarantee: Producer.Guarantee, brokers: String
  ) async throws -> Result {
    var options = Producer.Options()
    options.guarantee = guarantee
    options.linger = linger
    options.queueLimit = 500_000
    options.queueByteLimit = 256 << 20
    let configuration = try KafkaConfiguration(brokers: brokers, clientID: "producer", properties: tuning)
    let producer = try Producer(configuration, options)
    let topic = try producer.topic(name)
    let payload = [UInt8](repeating: 0x61, count: size)
    // The first message finds the leader and is not part of the measurement.
    _ = try await producer.produce(to: topic, partition: 0, value: payload)
    var result = Result()
    let start = ContinuousClock.now
    let until = start.advanced(by: duration)
    while result.messages < count, ContinuousClock.now < until {
      do {
        try payload.withUnsafeBytes { bytes in
          for _ in 0..<512 {
            try producer.send(to: topic, partition: 0, key: nil, value: bytes)
            result.messages += 1
          }
        }
        // A turn of the loop, in which deliveries are reported.
        try await Loop.sleep(for: .zero)
      } catch let error as KafkaError where error.reason == .overloaded {
        try await Loop.sleep(for: .milliseconds(1))
      }
    }
    try await producer.flush(within: .seconds(30))
    result.seconds = (ContinuousClock.now - start) / .seconds(1)
    guard producer.failures == 0 else { throw BenchFailure("\(producer.failures) messages were not delivered") }
    try await producer.close(within: .seconds(5))
    return result
  }

  /// Reads at most `count` messages from the beginning.
  static func consume(_ name: String, count: Int, brokers: String) async throws -> Result {
    var options = ConsumerOptions()
    options.prefetchLimit = 2_000_000
    options.prefetchByteLimit = 1 << 30
    let configuration = try KafkaConfiguration(
      brokers: brokers, clientID: "consumer", properties: ["max.partition.fetch.bytes": "8388608"])
    let counter = Counter(until: count)
    let consumer = try Consumer(configuration, options, delegate: counter)
    let start = ContinuousClock.now
    try await consumer.assign([TopicPartition(name, 0): .beginning])
    let timer = Loop.schedule(after: .seconds(60)) {
      counter.done.fail(BenchFailure("only \(counter.count) of \(count) messages came back in a minute"))
    }
    defer { timer.cancel() }
    try await counter.done.value
    let result = Result(messages: count, seconds: (ContinuousClock.now - start) / .seconds(1))
    await consumer.close()
    return result
  }

  @Loop final class Counter: ConsumerDelegate {
    let done = Promise<Void>()
    private let limit: Int
    private(set) var count = 0

    init(until limit: Int) { self.limit = limit }

    func received(_ messages: [KafkaMessage], from consumer: Consumer) {
      count += messages.count
      if count >= limit { done.fulfil(()) }
    }

    func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) { done.fail(error) }
  }
}
