import Crypto
public import EventLoop
import Foundation
public import TestKit

/// A gateway and one service with their broker and their PostgreSQL, from the built programs, on free ports of loopback
/// and in folders of their own. All end with this process.
@Loop public final class BenchMesh {
  /// The broker, as `mesh up` sets it.
  public let broker: BrokerServer
  /// The database, which forces commits to disk.
  public let postgres: PostgresServer
  /// Where the service's tables are.
  public let databaseURL: String
  /// Where the gateway listens.
  public let address: SocketAddress
  /// All of them, and this process as "load".
  public private(set) var costs = ProcessCosts()
  /// The gateway's process.
  public private(set) var gatewayID: Int32 = 0
  private let gateway: ServerProcess
  private let tokens = BenchTokens()
  private let notes: ServerProcess

  /// Starts everything, and returns when the gateway knows the service's endpoints. The gateway gets these `settings`
  /// beside those that it must have.
  public init(gateway settings: [String: String] = [:]) async throws {
    broker = try BrokerServer(arguments: [])
    postgres = try await PostgresServer(isDurable: true)
    databaseURL = try await postgres.freshURL()
    let root = SymmetricKey()
    let (gatewayPort, gatewayOps, notesOps) = (try Self.freePort(), try Self.freePort(), try Self.freePort())
    address = try SocketAddress(host: "127.0.0.1", port: gatewayPort)
    notes = try Self.process(
      "mesh-example", ops: notesOps,
      [
        "SERVICE": "notes", "KAFKA_BROKERS": broker.address, "DATABASE_URL": databaseURL,
        "MESH_KEY": "1:\(root.derived(for: "service notes").withBytes { Hex.encode($0) })",
      ])
    gateway = try Self.process(
      "gateway", ops: gatewayOps,
      [
        "GATEWAY_LISTEN": "\(address)", "KAFKA_BROKERS": broker.address, "RATE_LIMIT_SCALE": "1000000",
        "MESH_ROOT_KEY": "1:\(root.withBytes { Hex.encode($0) })",
      ].merging(settings) { $1 })
    // The service first: its endpoints are then in the catalogue when the gateway reads it.
    let notesID = try await notes.start()
    gatewayID = try await gateway.start()
    costs.add("gateway", gatewayID)
    costs.add("broker", broker.processID)
    costs.add("service", notesID)
    costs.add("postgres", try await Self.processID(of: postgres), withChildren: true)
    costs.add("load", ProcessInfo.processInfo.processIdentifier)
  }

  /// Access tokens of so many members, by a key that the gateway is told of.
  public func signIn(_ count: Int) async throws -> [String] {
    try await tokens.publish(to: broker.address)
    return try (0..<count).map { _ in try tokens.token(of: UUID().uuidString.lowercased()) }
  }

  /// Ends everything.
  public func end() async {
    try? await gateway.stop()
    try? await notes.stop()
    try? await postgres.process.kill()
    broker.stop()
  }

  private static func process(_ name: String, ops: UInt16, _ variables: [String: String]) throws -> ServerProcess {
    let program = BenchProgram.built(name).path
    guard FileManager.default.isExecutableFile(atPath: program) else {
      throw BenchFailure("\(program) is missing: build everything first (swift build -c release)")
    }
    let words = variables.sorted { $0.key < $1.key }.map { "'\($0.key)=\($0.value)'" }
    return try ServerProcess(
      name, run: "env --default-signal OPS_ADDRESS=127.0.0.1:\(ops) \(words.joined(separator: " ")) \(program)",
      probe: "curl -sf http://127.0.0.1:\(ops)/readyz")
  }

  private static func processID(of postgres: PostgresServer) async throws -> Int32 {
    let file = try String(contentsOfFile: "\(postgres.process.folder)/data/postmaster.pid", encoding: .utf8)
    guard let id = file.split(separator: "\n").first.flatMap({ Int32($0) }) else {
      throw BenchFailure("PostgreSQL does not say which process it is")
    }
    return id
  }

  private static func freePort() throws -> UInt16 {
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    defer { listener.close() }
    return listener.address.port
  }
}
