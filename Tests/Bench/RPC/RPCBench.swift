import BenchKit
import EventLoop
import Foundation
import Kafka
import TestKit

/// A request that touches no database, gateway to service and back, beside a bare round trip of librdkafka over two
/// topics of the same broker in the same run.
@Loop struct RPCBench {
  static let about = """
    Measures GET /api/v1/ping through gateway, topic, service, topic and gateway, beside the bare round trip of a message
    over two topics.
    """

  private let limit: Duration
  private var report = Report()

  init(limit: Duration) { self.limit = limit }

  mutating func run() async throws -> Report {
    let mesh = try await BenchMesh()
    report.tuning = [
      "bare round trip": "100 B, acks=1, linger 0, echo in a second process, topics of one partition",
      "request": "GET /api/v1/ping?text=<number>, HTTP/1.1 over connections that stay open; one gateway, one replica",
    ]
    let bare = try await roundTrips(mesh)
    try await requests(mesh, bare)
    for figure in mesh.costs.memory() { report.add(figure) }
    await mesh.end()
    return report
  }

  /// The bare median in milliseconds.
  private mutating func roundTrips(_ mesh: BenchMesh) async throws -> Double {
    let configuration = try KafkaConfiguration(brokers: mesh.broker.address, clientID: "bench")
    let admin = try Admin(configuration)
    defer { admin.close() }
    _ = try await admin.createTopics(RoundTrip.topics.map { Admin.NewTopic($0, partitions: 1) })
    let echo = try EchoProcess(brokers: mesh.broker.address)
    defer { echo.stop() }
    var costs = ProcessCosts()
    costs.add("broker", mesh.broker.processID)
    costs.add("echo", echo.processID)
    costs.add("load", ProcessInfo.processInfo.processIdentifier)
    let trip = try RoundTrip(configuration)
    try await trip.connect(configuration)
    _ = try await trip.measure(inFlight: 1, count: 2000, duration: limit)
    var start = costs.mark()
    let one = try await trip.measure(inFlight: 1, count: .max, duration: limit / 2)
    var figure = Figure("bare round trip, 1 in flight: p50", one.latencies.milliseconds(0.5), "ms")
    figure.costs = costs.costs(since: start, for: one.latencies.count)
    figure.note = "\(one.latencies.summary), \(Report.format(one.perSecond)) /s"
    report.add(figure)
    start = costs.mark()
    let many = try await trip.measure(inFlight: 256, count: 2_000_000, duration: limit / 2)
    figure = Figure("bare round trip, 256 in flight", many.perSecond, "/s")
    figure.costs = costs.costs(since: start, for: many.latencies.count)
    figure.note = many.latencies.summary
    report.add(figure)
    try await trip.close()
    return one.latencies.milliseconds(0.5)
  }

  private mutating func requests(_ mesh: BenchMesh, _ bare: Double) async throws {
    let host = "\(mesh.address)"
    let work = HTTPLoad.Work { number in
      Array("GET /api/v1/ping?text=\(number) HTTP/1.1\r\nHost: \(host)\r\n\r\n".utf8)
    } isRight: { number, answer in
      answer.status == 200 && answer.body.elementsEqual(#"{"text":"\#(number)"}"#.utf8)
    }
    let against = "bare p50 \(Report.format(bare)) ms"
    let one = try await measure(mesh, work, connections: 1, .closed, "request, 1 connection")
    var figure = Figure("request, 1 connection: p50", one.result.latencies.milliseconds(0.5), "ms")
    (figure.against, figure.must, figure.reach, figure.lessIsBetter) = (against, bare * 2, bare * 1.5, true)
    figure.costs = one.costs
    figure.note = "\(one.result.latencies.summary), \(Report.format(one.result.perSecond)) /s"
    report.add(figure)

    let many = try await measure(mesh, work, connections: 256, .closed, "requests, 256 connections")
    figure = Figure("requests, 256 connections", many.result.perSecond, "/s")
    (figure.must, figure.reach, figure.costs) = (15_000, 30_000, many.costs)
    figure.note = many.result.latencies.summary
    report.add(figure)

    // As many at a time as the chat benchmark has pairs: no chat can be faster than this.
    let some = try await measure(mesh, work, connections: 32, .closed, "requests, 32 connections")
    figure = Figure("requests, 32 connections", some.result.perSecond, "/s")
    (figure.costs, figure.note) = (some.costs, some.result.latencies.summary)
    report.add(figure)

    let open = try await measure(mesh, work, connections: 64, .open(perSecond: 1000), "requests, 1,000/s")
    figure = Figure("requests, open loop at 1,000/s: p50", open.result.latencies.milliseconds(0.5), "ms")
    (figure.costs, figure.note) = (open.costs, open.result.latencies.summary)
    report.add(figure)
  }

  private func measure(
    _ mesh: BenchMesh, _ work: HTTPLoad.Work, connections: Int, _ pace: HTTPLoad.Pace, _ name: String
  ) async throws -> (result: HTTPLoad.Result, costs: [Cost]) {
    let load = try await HTTPLoad(mesh.address, connections: connections, work)
    defer { load.close() }
    _ = try await load.run(pace, for: limit / 8)
    let start = mesh.costs.mark()
    let result = try await load.run(pace, for: limit)
    try result.check(name)
    return (result, mesh.costs.costs(since: start, for: result.latencies.count))
  }
}
