import BenchKit
import EventLoop
import Foundation

/// Messages from one member of each of 32 pairs to the other's socket, through all that a mesh has, beside `pgbench`
/// committing one-row inserts on the same PostgreSQL in the same run.
@Loop struct ChatBench {
  static let about = """
    Measures messages between 32 pairs: from the sender's POST, which is answered when the message is durable, to the
    receiver's WebSocket; beside one-row inserts by pgbench -M prepared -c 16.
    """
  private static let pairs = 32

  /// Two who talk: one writes, the other listens.
  private struct Pair {
    let conversation: String
    let token: String
    let socket: ChatSocket
  }

  private let limit: Duration
  private var report = Report()

  init(limit: Duration) { self.limit = limit }

  mutating func run() async throws -> Report {
    let mesh = try WholeMesh()
    defer { try? mesh.end() }
    report.tuning = [
      "pgbench": "-M prepared -c 16 -j 1, one insert of a uuid and a text a transaction; half before, half after",
      "chat": "\(Self.pairs) pairs; everything that mesh up starts, one replica of each; two connections a pair",
    ]
    let before = try pgbench(mesh)
    let pairs = try await connect(mesh)
    var costs = try mesh.processes()
    costs.add("load", ProcessInfo.processInfo.processIdentifier)
    let closed = try await measure(mesh, pairs, costs, .closed)
    let open = try await measure(mesh, pairs, costs, .open(perSecond: 1000))
    let after = try pgbench(mesh)
    judge(closed, open, commits: (before + after) / 2)
    for pair in pairs { pair.socket.close() }
    return report
  }

  /// Commits a second of PostgreSQL's own benchmark.
  private func pgbench(_ mesh: WholeMesh) throws -> Double {
    let script = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).sql")
    defer { try? FileManager.default.removeItem(at: script) }
    try "insert into pgbench_rows (id, text) values (gen_random_uuid(), 'note number 123456 of the benchmark');\n"
      .write(to: script, atomically: true, encoding: .utf8)
    _ = try WholeMesh.run(
      "/usr/bin/psql",
      [
        mesh.databaseURL, "-qc",
        "set client_min_messages = warning; create table if not exists pgbench_rows (id uuid primary key, text text not null)",
      ])
    let output = try WholeMesh.run(
      "/usr/lib/postgresql/15/bin/pgbench",
      [
        "-n", "-M", "prepared", "-c", "16", "-j", "1", "-T", "\(max(1, limit.components.seconds / 2))", "-f",
        script.path, mesh.databaseURL,
      ])
    let words = output.split(separator: "\n").first { $0.hasPrefix("tps = ") }?.split(separator: " ") ?? []
    guard words.count > 2, let rate = Double(words[2]) else {
      throw BenchFailure("pgbench says nothing of its rate: \(output)")
    }
    return rate
  }

  private func connect(_ mesh: WholeMesh) async throws -> [Pair] {
    var pairs: [Pair] = []
    for number in 0..<Self.pairs {
      let (writer, listener) = (try register(mesh, "writer\(number)"), try register(mesh, "listener\(number)"))
      let opened = try mesh.ask(
        "POST", "/api/v1/conversations", token: writer.token, ["kind": "direct", "participantIds": [listener.id]])
      guard let conversation = opened["id"] as? String else { throw BenchFailure("no conversation: \(opened)") }
      let channel = "presence-conversation-\(conversation)"
      let socket = try await ChatSocket.connect(to: mesh.address, channel: channel) { socket in
        try mesh.ask(
          "POST", "/api/v1/realtime/auth", token: listener.token, ["socket_id": socket, "channel_name": channel])
      }
      pairs.append(Pair(conversation: conversation, token: writer.token, socket: socket))
    }
    return pairs
  }

  private func register(_ mesh: WholeMesh, _ name: String) throws -> (id: String, token: String) {
    let answer = try mesh.ask(
      "POST", "/api/v1/auth/register",
      [
        "email": "\(name)-\(UUID().uuidString)@example.org", "password": "correct battery horse", "firstName": name,
        "lastName": "Bench",
      ])
    guard let user = answer["user"] as? [String: Any], let id = user["id"] as? String,
      let token = answer["accessToken"] as? String
    else { throw BenchFailure("\(name) was not registered: \(answer)") }
    return (id, token)
  }

  private struct Measurement {
    let delivered: LatencyHistogram
    let accepted: LatencyHistogram
    let perSecond: Double
    let costs: [Cost]
  }

  /// When each message was sent, and how long it took to the other's socket.
  @Loop private final class Deliveries {
    private let run = UUID().uuidString.prefix(8)
    private var sentAt: [Int: ContinuousClock.Instant] = [:]
    private(set) var latencies = LatencyHistogram()
    private(set) var repeated = 0
    private(set) var lastAt = ContinuousClock.now
    var missing: Int { sentAt.count }

    func name(of number: Int) -> String {
      sentAt[number] = .now
      return "\(run)-\(number)-"
    }

    func heard(_ text: String) {
      guard let start = text.range(of: "\(run)-")?.upperBound,
        let number = Int(text[start...].prefix { $0 != "-" })
      else { return }
      guard let sent = sentAt.removeValue(forKey: number) else {
        repeated += 1
        return
      }
      lastAt = .now
      latencies.record(lastAt - sent)
    }
  }

  private func measure(
    _ mesh: WholeMesh, _ pairs: [Pair], _ costs: ProcessCosts, _ pace: HTTPLoad.Pace
  ) async throws -> Measurement {
    var deliveries = Deliveries()
    func hear() { for pair in pairs { pair.socket.heard = { [deliveries] in deliveries.heard($0) } } }
    let work = HTTPLoad.Work { number in
      let pair = pairs[number % pairs.count]
      let body = #"{"clientMessageId":"\#(deliveries.name(of: number))","body":"message \#(number) of the benchmark"}"#
      return Array(
        """
        POST /api/v1/conversations/\(pair.conversation)/messages HTTP/1.1\r
        Host: \(mesh.address)\r
        Authorization: Bearer \(pair.token)\r
        Content-Type: application/json\r
        Content-Length: \(body.utf8.count)\r
        \r
        \(body)
        """.utf8)
    } isRight: { _, answer in
      answer.status == 201
    }
    let load = try await HTTPLoad(mesh.address, connections: pairs.count, work)
    defer { load.close() }
    hear()
    try await load.run(pace, for: limit / 8).check("warming up")
    try await arrival(of: deliveries, at: pairs)
    deliveries = Deliveries()
    hear()
    let mark = costs.mark()
    let began = ContinuousClock.now
    let accepted = try await load.run(pace, for: limit)
    try accepted.check("chat")
    try await arrival(of: deliveries, at: pairs)
    guard deliveries.repeated == 0 else { throw BenchFailure("\(deliveries.repeated) messages arrived twice") }
    return Measurement(
      delivered: deliveries.latencies, accepted: accepted.latencies,
      perSecond: Double(deliveries.latencies.count) / ((deliveries.lastAt - began) / .seconds(1)),
      costs: costs.costs(since: mark, for: deliveries.latencies.count))
  }

  /// Waits until all messages have arrived.
  private func arrival(of deliveries: Deliveries, at pairs: [Pair]) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while deliveries.missing > 0 {
      guard ContinuousClock.now < deadline else {
        throw BenchFailure(
          "\(deliveries.missing) messages never arrived; \(pairs.count { $0.socket.isClosed }) sockets were closed, "
            + "\(pairs.reduce(0) { $0 + $1.socket.gaps }) times a client was told that it had missed something")
      }
      try await Loop.sleep(for: .milliseconds(10))
    }
  }

  private mutating func judge(_ closed: Measurement, _ open: Measurement, commits: Double) {
    var rate = Figure("chat, durable, to the other's socket", closed.perSecond, "/s")
    rate.setting = "closed loop"
    rate.against = "pgbench \(Report.format(commits)) /s"
    (rate.must, rate.reach) = (max(7000, commits * 0.28), commits * 0.4)
    rate.costs = closed.costs
    rate.note = String(format: "%.2f of pgbench, ", closed.perSecond / commits) + closed.delivered.summary
    report.add(rate)
    var tail = Figure("delivered, p99", closed.delivered.milliseconds(0.99), "ms")
    (tail.setting, tail.must, tail.reach, tail.lessIsBetter) = ("closed loop", 12, 8, true)
    tail.note = "accepted: \(closed.accepted.summary)"
    report.add(tail)
    for (name, share, must, reach) in [("p50", 0.5, 2.0, 1.5), ("p99", 0.99, 5.0, 3.0)] {
      var figure = Figure("delivered, \(name)", open.delivered.milliseconds(share), "ms")
      (figure.setting, figure.must, figure.reach, figure.lessIsBetter) = ("open loop 1,000/s", must, reach, true)
      figure.costs = open.costs
      report.add(figure)
    }
    var inserts = Figure("pgbench, one-row inserts", commits, "/s")
    inserts.note = "half before, half after"
    report.add(inserts)
  }
}
