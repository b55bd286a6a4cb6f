import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import Postgres
import Telemetry
import TestKit

@testable import Mesh

/// A broker that all tests of this bundle share; each test uses a service name of its own.
enum TestMesh {
  static let broker = Result { try BrokerServer() }
  static let root = KeyRing(current: 1, keys: [1: SymmetricKey()])
  static let log = Log(
    service: "test", level: ProcessInfo.processInfo.environment["TEST_LOG"].flatMap(Log.Level.init) ?? .error,
    format: .pretty, descriptor: 2)

  /// A name that no other test uses.
  static func freshService() -> String { "svc\(UInt32.random(in: 0...UInt32.max))" }

  static func kafka(_ client: String = "test") throws -> KafkaConfiguration {
    try KafkaConfiguration(brokers: broker.get().address, clientID: client)
  }

  /// Creates the topics of `services` and the common ones.
  @Loop static func makeTopics(for services: [String]) async throws {
    let admin = try Admin(kafka())
    defer { admin.close() }
    try await admin.waitUntilReady(within: .seconds(10))
    _ = try await admin.createTopics(MeshTopics.common + services.flatMap { MeshTopics.own(of: $0) })
  }

  /// What sends the pushes of `service`.
  @Loop static func pushes(of service: String, in database: Database) throws -> PushOutbox {
    let sender = PushSender(
      source: service, try .ofPassing(kafka()), keys: .service(service, root: root), log: log, metrics: Metrics())
    return PushOutbox(database, sender, log: log)
  }

  @Loop static func startAsker(_ keys: MeshKeys = .root(root)) async throws -> Asker {
    let asker = try Asker(kafka(), keys: keys, log: log, metrics: Metrics())
    try await asker.start()
    return asker
  }

  /// Waits until `condition` holds; throws after `limit`.
  @Loop static func wait(_ limit: Duration = .seconds(20), until condition: @Loop () async throws -> Bool) async throws
  {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
      guard ContinuousClock.now < deadline else { throw TimedOut() }
      try await Loop.sleep(for: .milliseconds(10))
    }
  }

  struct TimedOut: Error {}
}

extension Question {
  /// A question of somebody who is not signed in.
  init(
    _ endpoint: String, body: String = "", key: [UInt8]? = nil, within limit: Duration = .seconds(15),
    caller: Caller = .anyone, path: PathValues = [:], idempotencyKey: String? = nil, hedgeAfter: Duration? = nil
  ) {
    let now = Timestamp.now
    self.init(
      Passport(
        endpoint: endpoint, request: UniqueID(at: now), deadline: now + limit, caller: caller, path: path,
        idempotencyKey: idempotencyKey),
      body: Array(body.utf8), key: key, hedgeAfter: hedgeAfter)
  }
}
