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

/// The program that runs, started once more as an echo.
public final class EchoProcess {
  /// The argument that makes a benchmark an echo.
  static let word = "echo"

  private let process = Process()
  private let input = Pipe()

  /// Starts the echo and waits until it listens.
  public init(brokers: String) throws {
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = [Self.word, brokers]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    guard String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready") else {
      throw BenchFailure("the echo process did not start; see its output")
    }
  }

  /// Its process id.
  public var processID: Int32 { process.processIdentifier }

  /// Ends it: the echo ends with its input.
  public func stop() {
    try? input.fileHandleForWriting.close()
    process.waitUntilExit()
  }
}
