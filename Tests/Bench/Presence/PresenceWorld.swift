import BenchKit
import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import Telemetry
import TestKit

/// One replica of presence and gateways with their broker, PostgreSQL and Redis; this process speaks as a gateway too.
@Loop final class PresenceWorld {
  let redis: RedisServer
  /// What this process tells presence.
  let gateway: ActivitySender
  /// The broker, the stores, presence, and this process as "load".
  private(set) var costs = ProcessCosts()
  let tokens = BenchTokens()
  private let broker: BrokerServer
  private let postgres: PostgresServer
  private let databaseURL: String
  private let presence: ServerProcess
  private let ops: String
  private let root = SymmetricKey()
  private let pool = BackgroundPool(threads: 1)

  /// A gateway's process.
  struct Gateway {
    let address: SocketAddress
    let processID: Int32
    fileprivate let process: ServerProcess
  }

  init() async throws {
    broker = try BrokerServer(arguments: [])
    postgres = try await PostgresServer(isDurable: true)
    databaseURL = try await postgres.freshURL()
    redis = try await RedisServer()
    // It is known as a process only to whoever starts it.
    try await redis.process.kill()
    let redisID = try await redis.process.start()
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: "bench")
    ops = "\(try Self.freeAddress())"
    presence = try Self.process(
      "presence", ops,
      [
        "KAFKA_BROKERS=\(broker.address)", "DATABASE_URL=\(databaseURL)", "REDIS_URL=\(redis.url())",
        "MESH_KEY=\(MeshKeys.ownText(of: "presence", root: root))",
      ])
    costs.add("presence", try await presence.start())
    costs.add("broker", broker.processID)
    costs.add("redis", redisID)
    costs.add("load", ProcessInfo.processInfo.processIdentifier)
    gateway = try ActivitySender(
      kafka, gateway: UniqueID(at: .now), linger: .milliseconds(20), log: .disabled, metrics: Metrics())
    gateway.start()
  }

  private static func process(_ name: String, _ ops: String, _ variables: [String]) throws -> ServerProcess {
    try ServerProcess(
      name,
      run: "env --default-signal OPS_ADDRESS=\(ops) \(variables.map { "'\($0)'" }.joined(separator: " ")) "
        + BenchProgram.built(name).path,
      probe: "curl -sf http://\(ops)/readyz")
  }

  private static func freeAddress() throws -> SocketAddress {
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    defer { listener.close() }
    return listener.address
  }

  /// Starts a gateway. With a `scale` of the product's times it tells presence more often than each 30 s that somebody is
  /// there.
  func startGateway(scale: Double = 1) async throws -> Gateway {
    let address = try Self.freeAddress()
    let process = try Self.process(
      "gateway", "\(try Self.freeAddress())",
      [
        "GATEWAY_LISTEN=\(address)", "KAFKA_BROKERS=\(broker.address)", "REDIS_URL=\(redis.url())",
        "RATE_LIMIT_SCALE=1000000", "MESH_ROOT_KEY=1:\(root.withBytes { Hex.encode($0) })",
        "PRESENCE_TIME_SCALE=\(scale)",
      ])
    let started = Gateway(address: address, processID: try await process.start(), process: process)
    try await tokens.publish(to: broker.address)
    return started
  }

  func stop(_ gateway: Gateway) async throws { try await gateway.process.kill() }

  /// Enters members, as if identity had told of them.
  func register(_ members: [MemberID]) async throws {
    let rows = members.map { "('\($0)', 'Bench', 'Member')" }.joined(separator: ", ")
    let statement = "insert into members (id, first_name, last_name) values \(rows)"
    let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).sql")
    defer { try? FileManager.default.removeItem(at: file) }
    try statement.write(to: file, atomically: true, encoding: .utf8)
    _ = try await run("/usr/bin/psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-d", databaseURL, "-f", file.path)
  }

  func end() async {
    await gateway.close()
    try? await presence.stop()
    try? await postgres.process.kill()
    try? await redis.process.kill()
    broker.stop()
  }

  /// Runs a program, and returns what it prints.
  func run(_ command: String...) async throws -> String { try await pool.run { try Self.output(of: command) } }

  /// A number that presence tells about itself.
  func metric(_ name: String) async throws -> Int {
    try await pool.run { [ops] in
      try Self.output(of: ["/usr/bin/curl", "-sf", "http://\(ops)/metrics"]).split(separator: "\n")
        .first { $0.hasPrefix("\(name) ") }?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0
    }
  }

  /// What a program prints.
  nonisolated static func output(of command: [String]) throws -> String {
    let process = Process()
    let pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: command[0])
    process.arguments = Array(command.dropFirst())
    process.standardOutput = pipe
    try process.run()
    let text = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw BenchFailure("\(command[0]) has failed: \(text)") }
    return text
  }

  /// Waits until `condition` holds.
  func wait(_ what: String, until condition: @Loop () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(120)
    while try await !condition() {
      guard ContinuousClock.now < deadline else { throw BenchFailure("waited in vain: \(what)") }
      try await Loop.sleep(for: .milliseconds(20))
    }
  }

  /// Waits until every one of so many devices has a heartbeat in Redis that is not older than `time`.
  func expectAll(_ count: Int, since time: Timestamp) async throws {
    try await wait("Redis has the last heartbeats of \(count) devices") { try await stored(since: time) == count }
  }

  private func stored(since time: Timestamp) async throws -> Int {
    var stored = 0
    for partition in 0..<ActivityBatch.partitions {
      let answer = try await run(
        "/usr/bin/redis-cli", "-p", "\(redis.port)", "ZCOUNT", "{p\(partition)}:steady", "\(time.milliseconds)", "+inf")
      stored += Int(answer.split(separator: "\n").first ?? "") ?? 0
    }
    return stored
  }
}
