import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Postgres
import Telemetry
import TestKit

@testable import Mesh

/// The example's two services as processes of their own, with a broker and schemas of their own.
@Loop final class ExampleWorld {
  let broker: BrokerServer
  let notes: Database
  let tally: Database
  private let urls: [String: String]
  private let rootKey = SymmetricKey()
  private(set) var asker: Asker!

  init() async throws {
    broker = try BrokerServer()
    let postgres = try await PostgresServer.shared()
    urls = ["notes": try await postgres.freshURL(), "tally": try await postgres.freshURL()]
    notes = Database(.init(url: urls["notes"]!, applicationName: "test"))
    tally = Database(.init(url: urls["tally"]!, applicationName: "test"))
    let admin = try Admin(kafka())
    try await admin.waitUntilReady(within: .seconds(10))
    _ = try await admin.createTopics(MeshTopics.common + MeshTopics.own(of: "notes") + MeshTopics.own(of: "tally"))
    admin.close()
    asker = try Asker(kafka(), keys: .root(root), log: TestMesh.log, metrics: Metrics())
    try await asker.start()
  }

  func kafka() throws -> KafkaConfiguration { try KafkaConfiguration(brokers: broker.address, clientID: "test") }

  private var root: KeyRing { KeyRing(current: 7, keys: [7: rootKey]) }

  /// A process of `service`. `fault` names where it dies, until `start()` is called again after `heal`.
  func process(_ service: String, replica: Int = 0, fault: String? = nil) throws -> ServerProcess {
    let ops = try FreePort.nextAddress()
    let key = rootKey.derived(for: "service \(service)").withBytes { Hex.encode($0) }
    let program = BuiltProgram.url("mesh-example").path
    let environment = [
      "SERVICE=\(service)", "KAFKA_BROKERS=\(broker.address)", "'DATABASE_URL=\(urls[service]!)'", "MESH_KEY=7:\(key)",
      "REPLICA=\(replica)", "OPS_ADDRESS=\(ops)",
    ]
    let process = try ServerProcess(
      service, prepare: fault.map { "echo MESH_FAULT=\($0) >fault" } ?? "touch fault",
      run:
        "env --default-signal SWIFT_BACKTRACE=enable=no $(cat fault) \(environment.joined(separator: " ")) \(program)",
      probe: "curl -sf http://\(ops)/readyz")
    return process
  }

  /// Starts a process and waits until it is ready.
  func start(_ service: String, replica: Int = 0, fault: String? = nil) async throws -> ServerProcess {
    let process = try process(service, replica: replica, fault: fault)
    try await process.start()
    return process
  }

  /// Takes the fault away, for the next start.
  func heal(_ process: ServerProcess) throws { try Data().write(to: URL(fileURLWithPath: process.folder + "/fault")) }

  func end() async {
    await asker.close()
    notes.close()
    tally.close()
    broker.stop()
  }

  /// Pins a note; `remindAfter` in milliseconds.
  func add(
    _ text: String, to board: BoardID, key: String? = nil, remindAfter: Int? = nil, hedgeAfter: Duration? = nil
  ) async throws(AskError) -> Answer {
    let reminder = remindAfter.map { #","remindAfter":\#($0)"# } ?? ""
    return try await asker.ask(
      Question(
        "notes.add", body: #"{"text":"\#(text)"\#(reminder)}"#, key: Array(board.description.utf8),
        path: ["board": board.description], idempotencyKey: key, hedgeAfter: hedgeAfter))
  }

  /// The numbers of a board's notes, in the order in which the tally heard of them.
  func numbers(of board: BoardID) async throws -> [Int] {
    let rows = try await tally.query("select numbers from tallies where board = \(board)")
    return try rows.first?.decode(column: 0, as: [Int32].self).map(Int.init) ?? []
  }

  func count(_ database: Database, _ sql: SQL) async throws -> Int {
    try await database.query(sql)[0].decode(column: 0)
  }
}

enum Board {}
typealias BoardID = ID<Board>
