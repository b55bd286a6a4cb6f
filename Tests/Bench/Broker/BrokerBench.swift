import BenchKit
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
    let names = RoundTrip.topics + ["bench.100", "bench.1000", "bench.idle"]
    try await admin.deleteTopics(names)
    _ = try await admin.createTopics(names.map { Admin.NewTopic($0, partitions: $0 == "bench.idle" ? 10 : 1) })
    let parts = options.parts
    if parts.contains("idle") { try await idle() }
    if parts.contains("roundtrip") { try await roundTrips() }
    if parts.contains("100") { try await throughput(size: 100, count: 5_000_000, apache: 2.8e6...3.6e6) }
    if parts.contains("1000") { try await throughput(size: 1000, count: 1_500_000, apache: 340e3...530e3) }
    if let broker {
      let memory = Double(Machine.anonymousMemory(of: broker.processID)) / 1e6
      add("broker memory after the load (RssAnon)", memory, "MB", apache: 450...1200, lessIsBetter: true, reach: 100)
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
    add("idle CPU with ten waiting consumers", share, "% of a core", lessIsBetter: true, must: 0.5)
    for consumer in consumers { await consumer.close() }
  }

  private func roundTrips() async throws {
    let echo = try EchoProcess(brokers: brokers)
    defer { echo.stop() }
    let configuration = try KafkaConfiguration(brokers: brokers, clientID: "bench")
    let trip = try RoundTrip(configuration)
    try await trip.connect(configuration)
    let limit = Duration.seconds(options.seconds)
    _ = try await trip.measure(inFlight: 1, count: 500, duration: limit)
    let costs = costs(with: echo.processID)
    for (inFlight, count) in [(1, 20_000), (256, 1_500_000)] {
      let start = costs.mark()
      let result = try await trip.measure(inFlight: inFlight, count: count, duration: limit)
      let spent = costs.costs(since: start, for: result.latencies.count)
      let name = "round trip over two topics, \(inFlight) in flight"
      if inFlight == 1 {
        let middle = result.latencies.milliseconds(0.5)
        add(
          name + ": p50", middle, "ms", apache: 0.33...0.33, lessIsBetter: true, costs: spent,
          note: "\(result.latencies.summary), \(Report.format(result.perSecond)) round trips/s")
      } else {
        add(name, result.perSecond, "/s", apache: 113e3...209e3, costs: spent, note: result.latencies.summary)
      }
    }
    try await trip.close()
  }

  private func throughput(size: Int, count: Int, apache: ClosedRange<Double>) async throws {
    let name = "bench.\(size)"
    let costs = costs()
    let start = costs.mark()
    let written = try await Throughput.produce(
      to: name, size: size, count: count, duration: .seconds(options.seconds),
      guarantee: flush == "none" ? .leader : .replicated, brokers: brokers)
    let spent = costs.costs(since: start, for: written.messages)
    func note(_ result: Throughput.Result) -> String {
      String(
        format: "%.0f MB/s, %@ messages", result.perSecond * Double(size) / 1e6, Report.format(Double(result.messages)))
    }
    add("produce \(size) B", written.perSecond, "/s", apache: apache, costs: spent, note: note(written))
    let middle = costs.mark()
    let read = try await Throughput.consume(name, count: written.messages, brokers: brokers)
    add(
      "consume \(size) B", read.perSecond, "/s", costs: costs.costs(since: middle, for: read.messages),
      note: note(read))
  }

  // MARK: Bookkeeping

  /// The broker, and the load: this process and, where there is one, the echo.
  private func costs(with echo: Int32? = nil) -> ProcessCosts {
    var costs = ProcessCosts()
    if let broker { costs.add("broker", broker.processID) }
    costs.add("load", ProcessInfo.processInfo.processIdentifier)
    if let echo { costs.add("load", echo) }
    return costs
  }

  /// Adds a figure: it must be as good as the worse end of what Apache Kafka 3.8 reaches on such a machine, and should
  /// become twice as good as the better end.
  private func add(
    _ name: String, _ value: Double, _ unit: String, apache: ClosedRange<Double>? = nil, lessIsBetter: Bool = false,
    costs: [Cost] = [], must: Double? = nil, reach: Double? = nil, note: String = ""
  ) {
    var figure = Figure(name, value, unit)
    (figure.setting, figure.lessIsBetter, figure.costs, figure.note) = ("flush \(flush)", lessIsBetter, costs, note)
    (figure.must, figure.reach) = (must, reach)
    if let apache {
      let (low, high) = (Report.format(apache.lowerBound), Report.format(apache.upperBound))
      figure.against = "Apache Kafka 3.8: " + (low == high ? low : "\(low) to \(high)")
      figure.must = must ?? (lessIsBetter ? apache.upperBound : apache.lowerBound)
      figure.reach = reach ?? (lessIsBetter ? apache.lowerBound / 2 : apache.upperBound * 2)
    }
    report.add(figure)
  }

  @Loop private final class Quiet: ConsumerDelegate {
    func received(_ messages: [KafkaMessage], from consumer: Consumer) {}
    func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {
      FileHandle.standardError.write(Data("idle consumer: \(error)\n".utf8))
    }
  }
}
