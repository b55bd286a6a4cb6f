import BenchKit
import Contract
import EventLoop
import Foundation
import Mesh
import TestKit

/// Presence under load: heartbeats of distinct devices on their whole way, changes told to many watchers, and sockets that
/// do nothing; each beside what bounds it on the same machine in the same run.
@Loop struct PresenceBench {
  static let about = """
    Measures what one box carries of presence and realtime, one replica of each: heartbeats of distinct devices, over
    WebSockets and from the gateways' feed, beside redis-benchmark -P 100 ZADD; members who come online; changes told to
    500 watchers each, beside TCP echoes; and what idle WebSockets cost a gateway.
    """
  /// Each is another member's.
  private static let devices = 50_000
  /// A hosted push provider's free plan carries about 69 members, at a heartbeat each 30 s.
  private static let interval = Duration.seconds(30)

  let limit: Duration
  var report = Report()

  init(limit: Duration) { self.limit = limit }

  mutating func run() async throws -> Report {
    let world = try await PresenceWorld()
    report.tuning = [
      "heartbeats":
        "over \(Self.sockets) sockets of Socket.IO, or from ActivitySender for \(Self.devices) devices; each "
        + "device is another member's; the topic has 24 partitions",
      "PostgreSQL": "fsync on, PostgreSQL's defaults", "Redis": "nothing is saved to disk",
    ]
    let members = (0..<Self.devices).map { _ in MemberID(at: .now) }
    try await comeOnline(members, world)
    let before = try await redisBenchmark(world)
    let (whole, costs) = try await beatOverSockets(world)
    let feed = try await beat(members, world)
    let bare = (before + (try await redisBenchmark(world))) / 2
    var figure = Figure("heartbeats, WebSocket to Redis", whole, "/s")
    (figure.must, figure.reach, figure.costs) = (50_000, 100_000, costs)
    figure.against = "ZADD \(Report.format(bare)) /s"
    figure.note = "all stored"
    report.add(figure)
    figure = Figure("members one such box carries, at a heartbeat each 30 s", whole * (Self.interval / .seconds(1)), "")
    figure.note = "by CPU; a hosted push provider's free plan: about 69. A gateway takes 50,000 sockets"
    report.add(figure)
    figure = Figure("heartbeats, feed to Redis", feed.perSecond, "/s")
    (figure.costs, figure.against) = (feed.costs, "ZADD \(Report.format(bare)) /s")
    figure.note = "all stored"
    report.add(figure)
    report.add(Figure("redis-benchmark -P 100 ZADD", bare, "/s"))
    for figure in world.costs.memory() { report.add(figure) }
    try await tellWatchers(world)
    try await holdIdle(world)
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
    try await world.wait("all are online") { try await world.metric("presence_transitions_total") >= members.count }
    let elapsed = ContinuousClock.now - begin
    var figure = Figure("transitions: members who come online", Double(members.count) / (elapsed / .seconds(1)), "/s")
    figure.costs = world.costs.costs(since: start, for: members.count)
    figure.note = "stored, and told to services and watchers"
    report.add(figure)
  }

  private func beat(
    _ members: [MemberID], _ world: PresenceWorld
  ) async throws -> (perSecond: Double, costs: [Cost]) {
    try await measureHeartbeats(world, world.costs, round: members.count) { note(.active, of: members, world) }
  }

  /// Sends rounds of heartbeats, one of each of `round` devices, as fast as presence hears them.
  func measureHeartbeats(
    _ world: PresenceWorld, _ costs: ProcessCosts, round: Int, _ send: @Loop () async throws -> Void
  ) async throws -> (perSecond: Double, costs: [Cost]) {
    // What came before is not counted.
    try await Loop.sleep(for: .seconds(1))
    let name = "presence_heartbeats_total"
    let first = try await world.metric(name)
    let (start, begin) = (costs.mark(), ContinuousClock.now)
    var (sent, lastRound) = (0, Timestamp.now)
    while ContinuousClock.now - begin < limit {
      let waiting = sent - (try await world.metric(name) - first)
      // Enough on its way that nobody has to wait for the next, and not so much that it takes long.
      if waiting > 2 * round {
        try await Loop.sleep(for: .milliseconds(20))
      } else {
        lastRound = .now
        try await send()
        sent += round
      }
    }
    let total = sent
    try await world.wait("all heartbeats are heard") { try await world.metric(name) - first >= total }
    let elapsed = ContinuousClock.now - begin
    let used = costs.costs(since: start, for: sent)
    try await world.expectAll(round, since: lastRound)
    return (Double(sent) / (elapsed / .seconds(1)), used)
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
}
