public import EventLoop
import Foundation
public import Kafka

/// Keeps a number of messages of 100 bytes on their way over two topics and back, and takes the time of each.
@Loop public final class RoundTrip: ConsumerDelegate {
  /// What came of a measurement.
  public struct Result {
    /// How long the round trips took.
    public fileprivate(set) var latencies = LatencyHistogram()
    /// From the first message to the last answer, in seconds.
    public fileprivate(set) var seconds = 0.0
    fileprivate var lost = 0
    fileprivate var repeated = 0

    /// Round trips a second.
    public var perSecond: Double { Double(latencies.count) / seconds }
  }

  /// The topics that it needs, of one partition each.
  public static let topics = ["bench.ping", "bench.pong"]

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

  /// Prepares to send.
  public init(_ configuration: KafkaConfiguration) throws {
    producer = try Producer(configuration, Self.producerOptions)
    questions = try producer.topic("bench.ping")
  }

  /// Finds its place in the topic of the answers.
  public func connect(_ configuration: KafkaConfiguration) async throws {
    consumer = try Consumer(configuration, ConsumerOptions(), delegate: self)
    try await consumer?.assign([TopicPartition("bench.pong", 0): .end])
  }

  /// Ends.
  public func close() async throws {
    await consumer?.close()
    try await producer.close(within: .seconds(5))
  }

  /// At most `count` round trips and `duration`, with `inFlight` on their way at any time. Throws `BenchFailure` when a
  /// message was lost or came twice.
  public func measure(inFlight: Int, count: Int, duration: Duration) async throws -> Result {
    (result, sentAt, answered, limit, done) = (Result(), [], [], count, Promise())
    let start = ContinuousClock.now
    until = start.advanced(by: duration)
    for _ in 0..<inFlight { try sendNext() }
    let timer = Loop.schedule(after: duration + .seconds(5)) { [done] in done.fulfil(()) }
    try await done.value
    timer.cancel()
    result.seconds = (ContinuousClock.now - start) / .seconds(1)
    result.lost = waiting
    waiting = 0
    guard result.lost == 0, result.repeated == 0 else {
      throw BenchFailure("round trip: \(result.lost) lost, \(result.repeated) repeated")
    }
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

  /// Called by the consumer of the answers.
  public func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    let now = ContinuousClock.now
    for message in messages {
      let number = message.withValue { Int($0?.loadUnaligned(as: UInt64.self) ?? 0) }
      guard number < answered.count, !answered[number] else {
        result.repeated += 1
        continue
      }
      answered[number] = true
      waiting -= 1
      result.latencies.record(now - sentAt[number])
      if sentAt.count < limit, now < until {
        do { try sendNext() } catch { fatalError("cannot send: \(error)") }
      }
    }
    if waiting == 0 { done.fulfil(()) }
  }

  /// Called by the consumer of the answers.
  public func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
    FileHandle.standardError.write(Data("round trip: \(error)\n".utf8))
  }
}
