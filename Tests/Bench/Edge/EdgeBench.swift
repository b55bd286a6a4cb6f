import BenchKit
import EventLoop
import Foundation
import TestKit

/// What the gateway costs, as `wrk` sees it: a page of its own, and a route for members all the way to a service and back,
/// beside an HAProxy that answers everything with the same few bytes; and what a connection costs that does nothing.
@Loop struct EdgeBench {
  static let about = """
    Measures requests a second by wrk, on one connection thread: a document of the gateway's own, a route for members with a
    token that is known and with one that has to be verified, beside HAProxy's fixed answer; and the memory of 18,000 idle
    connections.
    """

  private static let idleConnections = 18_000

  private let limit: Duration
  private var report = Report()

  init(limit: Duration) { self.limit = limit }

  mutating func run() async throws -> Report {
    // With room for two tokens one alone is always known, and of many each has to be verified.
    let mesh = try await BenchMesh(gateway: ["GATEWAY_TOKEN_CACHE": "2"])
    let tokens = try await mesh.signIn(64)
    let proxy = try await FixedProxy()
    let wrk = Wrk(proxy, limit: limit)
    let gateway = "http://\(mesh.address)"
    report.tuning = [
      "wrk": "-t 1 -c 32, keep-alive; HAProxy half before, half after",
      "member's route": "GET /api/v1/me: token, allowance, question and answer through the topics, no database",
      "haproxy": "one thread, http-request return 200 with 16 bytes",
    ]
    let before = try await wrk.run(proxy.url)
    let page = try await measure(mesh) { try await wrk.run("\(gateway)/docs") }
    let known = try await measure(mesh) { try await wrk.run("\(gateway)/api/v1/me", tokens: [tokens[0]]) }
    let unknown = try await measure(mesh) { try await wrk.run("\(gateway)/api/v1/me", tokens: tokens) }
    let after = try await wrk.run(proxy.url)
    let fixed = (before.perSecond + after.perSecond) / 2
    judge("a document of the gateway's own", "GET /docs", page, fixed)
    judge("a member's route", "token known", known, fixed)
    judge("a member's route", "token to be verified", unknown, fixed)
    var figure = Figure("HAProxy's fixed answer", fixed, "/s")
    figure.note = "\(Report.format(before.perSecond)) before, \(Report.format(after.perSecond)) after"
    report.add(figure)
    report.add(try await idle(mesh))
    await mesh.end()
    return report
  }

  private func measure(_ mesh: BenchMesh, _ load: () async throws -> Wrk.Result) async throws -> (Wrk.Result, [Cost]) {
    let start = mesh.costs.mark()
    let result = try await load()
    return (result, mesh.costs.costs(since: start, for: result.count))
  }

  private mutating func judge(_ name: String, _ setting: String, _ measured: (Wrk.Result, [Cost]), _ fixed: Double) {
    let (result, costs) = measured
    var figure = Figure(name, result.perSecond, "/s")
    (figure.setting, figure.costs) = (setting, costs)
    figure.against = "HAProxy \(Report.format(fixed)) /s"
    figure.note = String(format: "%.2f of HAProxy, p50 %@, p99 %@", result.perSecond / fixed, result.p50, result.p99)
    report.add(figure)
  }

  /// The gateway's own memory for each connection that has been answered once and then does nothing.
  private func idle(_ mesh: BenchMesh) async throws -> Figure {
    let empty = Machine.anonymousMemory(of: mesh.gatewayID)
    let waiter = Waiter()
    var sockets: [Socket] = []
    for number in 0..<Self.idleConnections {
      let socket = try await Socket.connect(to: mesh.address)
      socket.delegate = waiter
      socket.send(Array("HEAD /docs HTTP/1.1\r\nHost: bench\r\n\r\n".utf8))
      sockets.append(socket)
      // Not faster than the gateway accepts.
      try await waiter.wait(for: number - 256)
    }
    try await waiter.wait(for: Self.idleConnections)
    try await Loop.sleep(for: .seconds(1))
    let full = Machine.anonymousMemory(of: mesh.gatewayID)
    guard waiter.ended == 0 else { throw BenchFailure("\(waiter.ended) idle connections were closed") }
    for socket in sockets { socket.close() }
    var figure = Figure(
      "an idle connection (RssAnon)", Double(full - empty) / Double(Self.idleConnections), "B")
    figure.setting = "\(Report.format(Double(Self.idleConnections))) connections"
    (figure.must, figure.reach, figure.lessIsBetter) = (4096, 1024, true)
    figure.note =
      "gateway \(Report.format(Double(empty) / 1e6)) MB before, \(Report.format(Double(full) / 1e6)) MB with all"
    return figure
  }
}

/// Counts connections that have their answer.
@Loop private final class Waiter: SocketDelegate {
  private var answered = 0
  private(set) var ended = 0

  func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) { answered += 1 }
  func ended(_ socket: Socket) { ended += 1 }
  func closed(_ socket: Socket, reason: SocketError?) { if reason != nil { ended += 1 } }

  /// Waits until so many have it.
  func wait(for count: Int) async throws {
    let end = ContinuousClock.now + .seconds(30)
    while answered < count {
      guard ContinuousClock.now < end else { throw BenchFailure("\(answered) of \(count) connections were answered") }
      try await Loop.sleep(for: .milliseconds(1))
    }
  }
}
