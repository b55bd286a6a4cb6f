import BenchKit
import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import Telemetry
import TestKit

/// One replica of presence with its broker, PostgreSQL and Redis, and this process in the place of a gateway.
@Loop final class PresenceWorld {
  let redis: RedisServer
  let gateway: ActivitySender
  private(set) var costs = ProcessCosts()
  private let broker: BrokerServer
  private let postgres: PostgresServer
  private let presence: ServerProcess
  private let ops: String
  private let pool = BackgroundPool(threads: 1)

  init() async throws {
    broker = try BrokerServer(arguments: [])
    postgres = try await PostgresServer(isDurable: true)
    redis = try await RedisServer()
    // It is known as a process only to whoever starts it.
    try await redis.process.kill()
    let redisID = try await redis.process.start()
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: "bench")
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    ops = "127.0.0.1:\(listener.address.port)"
    listener.close()
    let variables = [
      "OPS_ADDRESS=\(ops)", "KAFKA_BROKERS=\(broker.address)", "DATABASE_URL=\(try await postgres.freshURL())",
      "REDIS_URL=\(redis.url())", "MESH_KEY=\(MeshKeys.ownText(of: "presence", root: SymmetricKey()))",
    ]
    presence = try ServerProcess(
      "presence",
      run: "env --default-signal \(variables.map { "'\($0)'" }.joined(separator: " ")) "
        + BenchProgram.built("presence").path,
      probe: "curl -sf http://\(ops)/readyz")
    costs.add("presence", try await presence.start())
    costs.add("broker", broker.processID)
    costs.add("redis", redisID)
    costs.add("load", ProcessInfo.processInfo.processIdentifier)
    gateway = try ActivitySender(kafka, gateway: UniqueID(at: .now), log: .disabled, metrics: Metrics())
    gateway.start()
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
}
