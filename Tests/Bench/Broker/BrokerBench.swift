import EventLoop
import Foundation
import Kafka
import TestKit

/// Runs every measurement against one broker and collects the figures.
@Loop final class BrokerBench {
  private let options: Options
  private var report = Report()
  private var flush = ""
  private var brokers = ""
  private var broker: BrokerServer?

  init(_ options: Options) { self.options = options }

  func run() async throws -> Report {
    report.machine = Dictionary(uniqueKeysWithValues: Machine.facts)
    report.machine["file writes"] = Report.format(try Machine.fileWriteSpeed(), "bytes/s into the page cache")
    report.tuning = [
      "round trip": "100 B, acks=1, linger 0, echo in a second process; two topics of one partition",
      "produce": "acks=1 (flush none) or acks=all, uncompressed, one partition, linger \(Throughput.linger), "
        + Throughput.tuning.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ", "),
      "consume": "queued.min.messages=2000000, queued.max.messages.kbytes=1048576, max.partition.fetch.bytes=8388608",
      "client": "librdkafka 2.0.2 through Shared/Kafka",
    ]
    if let running = options.brokers {
      (flush, brokers) = ("as configured", running)
      try await measure()
      return report
    }
    for flush in options.flushes {
      let server = try BrokerServer(
        executable: options.broker.map { URL(fileURLWithPath: $0) },
        arguments: ["--auto-create", "--flush", flush])
      defer { server.stop() }
      (self.flush, brokers, broker) = (flush, server.address, server)
      try await measure()
    }
    return report
  }

  private func measure() async throws {
    let admin = try Admin(try KafkaConfiguration(brokers: brokers, clientID: "bench"))
    defer { admin.close() }
    try await admin.waitUntilReady(within: .seconds(10))
    let names = ["bench.ping", "bench.pong", "bench.100", "bench.1000", "bench.idle"]
    try await admin.deleteTopics(names)
    _ = try await admin.createTopics(names.map { Admin.NewTopic($0, partitions: $0 == "bench.idle" ? 10 : 1) })
    let parts = options.parts
    if parts.contains("idle") { try await idle() }
    if parts.contains("roundtrip") { try await roundTrips() }
    if parts.contains("100") { try await throughput(size: 100, count: 5_000_000, apache: 2.8e6...3.6e6) }
    if parts.contains("1000") { try await throughput(size: 1000, count: 1_500_000, apache: 340e3...530e3) }
    if let broker {
      let memory = Double(Machine.anonymousMemory(of: broker.processID)) / 1e6
      add("broker memory after the load (RssAnon)", memory, "MB", 450...1200, lessIsBetter: true, reach: 100)
    }
    try await admin.deleteTopics(names)
  }

  // MARK: Measurements

  private func idle() async throws {
    guard let broker else { return }
    var group = ConsumerOptions(group: ConsumerOptions.Group("bench.idle"))
    group.reset = .latest
    let delegate = Quiet()
    let consumers = try (0..<10).map {
      try Consumer(try KafkaConfiguration(brokers: brokers, clientID: "idle-\($0)"), group, delegate: delegate)
    }
    for consumer in consumers { try consumer.subscribe(to: ["bench.idle"]) }
    for _ in 0..<300 where !consumers.allSatisfy({ $0.assignment.count == 1 }) {
      try await Loop.sleep(for: .milliseconds(100))
    }
    try await Loop.sleep(for: .seconds(1))
    let before = Machine.fineCPUSeconds(of: broker.processID)
    try await Loop.sleep(for: .seconds(10))
    let share = (Machine.fineCPUSeconds(of: broker.processID) - before) / 10 * 100
    add("idle CPU with ten waiting consumers", share, "% of a core", must: 0.5)
    for consumer in consumers { await consumer.close() }
  }

  private func roundTrips() async throws {
    let echo = try startEcho()
    defer {
      // The echo ends with its input.
      try? echo.input.fileHandleForWriting.close()
      echo.process.waitUntilExit()
    }
    let configuration = try KafkaConfiguration(brokers: brokers, clientID: "bench")
    let trip = try RoundTrip(configuration)
    try await trip.connect(configuration)
    let limit = Duration.seconds(options.seconds)
    _ = try await trip.measure(inFlight: 1, count: 500, duration: limit)
    for (inFlight, count) in [(1, 20_000), (256, 1_500_000)] {
      let start = usage(echo.process.processIdentifier)
      let result = try await trip.measure(inFlight: inFlight, count: count, duration: limit)
      let spent = usage(echo.process.processIdentifier).since(start, messages: result.latencies.count)
      guard result.lost == 0, result.repeated == 0 else {
        throw Throughput.Failure(text: "round trip: \(result.lost) lost, \(result.repeated) repeated")
      }
      let (middle, worst) = (percentile(0.5, of: result.latencies), percentile(0.99, of: result.latencies))
      let rate = Double(result.latencies.count) / result.seconds
      let name = "round trip over two topics, \(inFlight) in flight"
      if inFlight == 1 {
        add(name + ": p50", Double(middle) / 1e6, "ms", 0.33...0.33, lessIsBetter: true, spent: spent)
        add(name + ": p99", Double(worst) / 1e6, "ms", note: "\(Report.format(rate)) round trips/s")
      } else {
        let note = String(format: "p50 %.2f ms, p99 %.2f ms", Double(middle) / 1e6, Double(worst) / 1e6)
        add(name, rate, "/s", 113e3...209e3, spent: spent, note: note)
      }
    }
    try await trip.close()
  }

  private func throughput(size: Int, count: Int, apache: ClosedRange<Double>) async throws {
    let name = "bench.\(size)"
    let start = usage()
    let written = try await Throughput.produce(
      to: name, size: size, count: count, duration: .seconds(options.seconds),
      guarantee: flush == "none" ? .leader : .replicated, brokers: brokers)
    let spent = usage().since(start, messages: written.messages)
    func note(_ result: Throughput.Result) -> String {
      String(
        format: "%.0f MB/s, %@ messages", result.perSecond * Double(size) / 1e6, Report.format(Double(result.messages)))
    }
    add("produce \(size) B", written.perSecond, "/s", apache, spent: spent, note: note(written))
    let middle = usage()
    let read = try await Throughput.consume(name, count: written.messages, brokers: brokers)
    add(
      "consume \(size) B", read.perSecond, "/s", spent: usage().since(middle, messages: read.messages),
      note: note(read))
  }

  // MARK: Bookkeeping

  /// CPU time up to a moment, or between two.
  private struct Usage {
    var broker: Double?
    var load: Double
    var at = ContinuousClock.now
    var messages = 0
    var seconds = 0.0

    func since(_ start: Usage, messages: Int) -> Usage {
      Usage(
        broker: broker.map { $0 - (start.broker ?? 0) }, load: load - start.load, messages: max(1, messages),
        seconds: (at - start.at) / .seconds(1))
    }
  }

  private func usage(_ others: Int32...) -> Usage {
    let load = ([ProcessInfo.processInfo.processIdentifier] + others).map(Machine.cpuSeconds)
    return Usage(broker: broker.map { Machine.cpuSeconds(of: $0.processID) }, load: load.reduce(0, +))
  }

  private func add(
    _ name: String, _ value: Double, _ unit: String, _ apache: ClosedRange<Double>? = nil, lessIsBetter: Bool = false,
    spent: Usage? = nil, must: Double? = nil, reach: Double? = nil, note: String = ""
  ) {
    var figure = Figure(name: name, flush: flush, value: value, unit: unit, must: must, reach: reach, note: note)
    figure.apache = apache.map { Figure.Apache(low: $0.lowerBound, high: $0.upperBound, lessIsBetter: lessIsBetter) }
    if let spent {
      let millions = Double(spent.messages) / 1e6
      (figure.brokerCPU, figure.clientCPU) = (spent.broker.map { $0 / millions }, spent.load / millions)
      (figure.brokerBusy, figure.clientBusy) = (
        spent.broker.map { $0 / spent.seconds * 100 }, spent.load / spent.seconds * 100
      )
    }
    report.figures.append(figure)
    FileHandle.standardError.write(Data("\(flush): \(name): \(Report.format(value, unit)) \(note)\n".utf8))
  }

  /// Starts this program again as the echo and waits until it listens.
  private func startEcho() throws -> (process: Process, input: Pipe) {
    let (process, input, output) = (Process(), Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["echo", brokers]
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    guard String(decoding: output.fileHandleForReading.availableData, as: UTF8.self).hasPrefix("ready") else {
      throw Throughput.Failure(text: "the echo process did not start; see its output")
    }
    return (process, input)
  }

  @Loop private final class Quiet: ConsumerDelegate {
    func received(_ messages: [KafkaMessage], from consumer: Consumer) {}
    func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
      FileHandle.standardError.write(Data("idle consumer: \(error)\n".utf8))
    }
  }
}
