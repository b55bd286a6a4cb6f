import BenchKit
import Contract
import EventLoop
import Foundation
import Mesh
import TestKit

/// Heartbeats of distinct devices and changes of status, from a gateway's feed through Kafka and presence to Redis, beside
/// pipelined commands of `redis-benchmark` on the same Redis in the same run.
@Loop struct PresenceBench {
  static let about = """
    Measures how many heartbeats of distinct devices, and how many members who come online, one replica of presence takes
    from the gateways' feed, beside redis-benchmark -P 100 ZADD.
    """
  /// Each is another member's.
  private static let devices = 50_000
  /// A hosted push provider's free plan carries about as many members, at a heartbeat each 30 s.
  private static let interval = Duration.seconds(30)

  private let limit: Duration
  private var report = Report()

  init(limit: Duration) { self.limit = limit }

  mutating func run() async throws -> Report {
    let world = try await PresenceWorld()
    report.tuning = [
      "heartbeats": "\(Self.devices) devices, each another member's; from ActivitySender over a topic of 24 partitions",
      "PostgreSQL": "fsync on, PostgreSQL's defaults", "Redis": "nothing is saved to disk",
    ]
    let members = (0..<Self.devices).map { _ in MemberID(at: .now) }
    try await comeOnline(members, world)
    let before = try await redisBenchmark(world)
    let heartbeats = try await beat(members, world)
    let after = try await redisBenchmark(world)
    let bare = (before + after) / 2
    var figure = Figure("heartbeats, feed to Redis", heartbeats.perSecond, "/s")
    (figure.must, figure.reach, figure.costs) = (50_000, 100_000, heartbeats.costs)
    figure.against = "ZADD \(Report.format(bare)) /s"
    figure.note =
      "all stored; \(Report.format(heartbeats.perSecond * (Self.interval / .seconds(1)))) members at one each 30 s"
    report.add(figure)
    report.add(Figure("redis-benchmark -P 100 ZADD", bare, "/s"))
    for figure in world.costs.memory() { report.add(figure) }
    await world.end()
    return report
  }

  private func note(_ kind: DeviceSignal.Kind, of members: [MemberID], _ world: PresenceWorld) {
    let now = Timestamp.now
    for (number, member) in members.enumerated() {
      world.gateway.note(
        DeviceSignal(member: member, device: "bench", kind: kind, connection: UInt32(number + 1), at: now))
    }
  }

  private mutating func comeOnline(_ members: [MemberID], _ world: PresenceWorld) async throws {
    let (start, begin) = (world.costs.mark(), ContinuousClock.now)
    note(.opened, of: members, world)
    try await wait("all are online") { try await world.metric("presence_transitions_total") >= members.count }
    let elapsed = ContinuousClock.now - begin
    var figure = Figure(
      "members who come online, told to services and watchers", Double(members.count) / (elapsed / .seconds(1)), "/s")
    figure.costs = world.costs.costs(since: start, for: members.count)
    report.add(figure)
  }

  private func beat(
    _ members: [MemberID], _ world: PresenceWorld
  ) async throws -> (perSecond: Double, costs: [Cost]) {
    // What came before is not counted.
    try await Loop.sleep(for: .seconds(1))
    let name = "presence_heartbeats_total"
    let first = try await world.metric(name)
    let (start, begin) = (world.costs.mark(), ContinuousClock.now)
    var (noted, lastRound) = (0, Timestamp.now)
    while ContinuousClock.now - begin < limit {
      let waiting = noted - (try await world.metric(name) - first)
      if waiting > members.count {
        try await Loop.sleep(for: .milliseconds(20))
      } else {
        lastRound = .now
        note(.active, of: members, world)
        noted += members.count
      }
    }
    let total = noted
    try await wait("all heartbeats are heard") { try await world.metric(name) - first >= total }
    let elapsed = ContinuousClock.now - begin
    let costs = world.costs.costs(since: start, for: noted)
    try await expectAll(members.count, since: lastRound, world)
    return (Double(noted) / (elapsed / .seconds(1)), costs)
  }

  /// Every device's last heartbeat must lie in Redis.
  private func expectAll(_ count: Int, since time: Timestamp, _ world: PresenceWorld) async throws {
    var stored = 0
    for partition in 0..<ActivityBatch.partitions {
      let answer = try await world.run(
        "/usr/bin/redis-cli", "-p", "\(world.redis.port)", "ZCOUNT", "{p\(partition)}:steady", "\(time.milliseconds)",
        "+inf")
      stored += Int(answer.split(separator: "\n").first ?? "") ?? 0
    }
    guard stored == count else { throw BenchFailure("of \(count) last heartbeats Redis has \(stored)") }
  }

  private func redisBenchmark(_ world: PresenceWorld) async throws -> Double {
    let output = try await world.run(
      "/usr/bin/redis-benchmark", "-p", "\(world.redis.port)", "-P", "100", "-c", "1", "-n", "1000000", "-r",
      "\(Self.devices)", "--csv", "ZADD", "bench", "1763625600000", "01900000-0000-7000-8000-__rand_int__/bench")
    // The command's name, then the rate, each in quotes.
    guard let line = output.split(separator: "\n").last,
      let rate = line.split(separator: "\"").dropFirst(2).first.flatMap({ Double($0) })
    else { throw BenchFailure("redis-benchmark says \(output)") }
    return rate
  }

  private func wait(_ what: String, until condition: @Loop () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await !condition() {
      guard ContinuousClock.now < deadline else { throw BenchFailure("waited in vain: \(what)") }
      try await Loop.sleep(for: .milliseconds(20))
    }
  }
}
