import EventLoop
import Foundation
import Kafka

/// Sends back what arrives on one topic over another: the far side of a round trip, in a process of its own.
@Loop final class Echo: ConsumerDelegate {
  private let producer: Producer
  private let answers: Producer.Topic

  init(_ configuration: KafkaConfiguration) throws {
    producer = try Producer(configuration, RoundTrip.producerOptions)
    answers = try producer.topic("bench.pong")
  }

  /// Serves until its standard input ends, as it does when the measuring process is gone.
  static func run(brokers: String) async throws {
    let configuration = try KafkaConfiguration(brokers: brokers, clientID: "echo")
    let consumer = try Consumer(configuration, ConsumerOptions(), delegate: try Echo(configuration))
    try await consumer.assign([TopicPartition("bench.ping", 0): .end])
    FileHandle.standardOutput.write(Data("ready\n".utf8))
    let ended = Promise<Void>()
    let watch = Watch(0) { _ in ended.fulfil(()) }
    watch.interest = .readable
    try await ended.value
  }

  func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages {
      message.withValue { value in
        do {
          try producer.send(to: answers, partition: 0, key: nil, value: value)
        } catch {
          fatalError("the echo cannot answer: \(error)")
        }
      }
    }
  }

  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    FileHandle.standardError.write(Data("echo: \(error)\n".utf8))
  }
}

/// Keeps a number of messages of 100 bytes on their way over two topics and back, and takes the time of each.
@Loop final class RoundTrip: ConsumerDelegate {
  struct Result {
    var latencies: [Int64] = []
    var seconds = 0.0
    var lost = 0
    var repeated = 0
  }

  static var producerOptions: Producer.Options {
    var options = Producer.Options()
    options.guarantee = .leader
    return options
  }

  private let producer: Producer
  private let questions: Producer.Topic
  private var sentAt: [ContinuousClock.Instant] = []
  private var answered: [Bool] = []
  private var payload = [UInt8](repeating: 0x61, count: 100)
  private var result = Result()
  private var limit = 0
  private var until = ContinuousClock.now
  private var waiting = 0
  private var done = Promise<Void>()
  private var consumer: Consumer?

  init(_ configuration: KafkaConfiguration) throws {
    producer = try Producer(configuration, Self.producerOptions)
    questions = try producer.topic("bench.ping")
  }

  func connect(_ configuration: KafkaConfiguration) async throws {
    consumer = try Consumer(configuration, ConsumerOptions(), delegate: self)
    try await consumer?.assign([TopicPartition("bench.pong", 0): .end])
  }

  func close() async throws {
    await consumer?.close()
    try await producer.close(within: .seconds(5))
  }

  /// At most `count` round trips and `duration`, with `inFlight` on their way at any time.
  func measure(inFlight: Int, count: Int, duration: Duration) async throws -> Result {
    (result, sentAt, answered, limit, done) = (Result(), [], [], count, Promise())
    sentAt.reserveCapacity(count)
    result.latencies.reserveCapacity(count)
    let start = ContinuousClock.now
    until = start.advanced(by: duration)
    for _ in 0..<inFlight { try sendNext() }
    let timer = Loop.schedule(after: duration + .seconds(5)) { [done] in done.fulfil(()) }
    try await done.value
    timer.cancel()
    result.seconds = (ContinuousClock.now - start) / .seconds(1)
    result.lost = waiting
    waiting = 0
    result.latencies.sort()
    return result
  }

  private func sendNext() throws {
    let number = sentAt.count
    withUnsafeBytes(of: UInt64(number)) { payload.replaceSubrange(0..<8, with: $0) }
    sentAt.append(.now)
    answered.append(false)
    waiting += 1
    try payload.withUnsafeBytes { try producer.send(to: questions, partition: 0, key: nil, value: $0) }
  }

  func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    let now = ContinuousClock.now
    for message in messages {
      let number = message.withValue { Int($0?.loadUnaligned(as: UInt64.self) ?? 0) }
      guard number < answered.count, !answered[number] else {
        result.repeated += 1
        continue
      }
      answered[number] = true
      waiting -= 1
      let taken = (now - sentAt[number]).components
      result.latencies.append(taken.seconds * 1_000_000_000 + taken.attoseconds / 1_000_000_000)
      if sentAt.count < limit, now < until {
        do { try sendNext() } catch { fatalError("cannot send: \(error)") }
      }
    }
    if waiting == 0 { done.fulfil(()) }
  }

  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    FileHandle.standardError.write(Data("round trip: \(error)\n".utf8))
  }
}
