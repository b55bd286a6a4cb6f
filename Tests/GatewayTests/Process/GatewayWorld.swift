import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import TestKit
import Wire

@testable import Gateway

/// A broker, gateways and the example's notes service, each a process of its own.
@Loop final class GatewayWorld {
  let broker: BrokerServer
  /// What channels lie in; the tests' common one unless a test brings its own.
  var redis: RedisServer?
  /// Where clients connect.
  let address: SocketAddress
  /// Where files are kept.
  var storage: String { "\(broker.folder.path)/media" }
  private let rootKey = SymmetricKey()
  private let signingKey = SigningKey()

  init() throws {
    broker = try BrokerServer()
    address = try Self.freeAddress()
  }

  static func freeAddress() throws -> SocketAddress {
    try SocketAddress(host: "127.0.0.1", port: FreePort.next())
  }

  /// Starts `program`, built beside the tests, and waits until it is ready.
  private func start(_ program: String, _ environment: [String]) async throws -> ServerProcess {
    let path = BuiltProgram.url(program).path
    let ops = try Self.freeAddress()
    let settings = environment + ["KAFKA_BROKERS=\(broker.address)", "OPS_ADDRESS=\(ops)"]
    let process = try ServerProcess(
      program, run: "env \(settings.joined(separator: " ")) \(path)", probe: "curl -sf http://\(ops)/readyz")
    try await process.start()
    return process
  }

  /// Starts a gateway at `address`, or elsewhere.
  func startGateway(_ settings: [String] = [], at elsewhere: SocketAddress? = nil) async throws -> ServerProcess {
    let key = rootKey.withBytes { Hex.encode($0) }
    var redis = redis
    if redis == nil { redis = try await RedisServer.shared() }
    let common = [
      "GATEWAY_LISTEN=\(elsewhere ?? address)", "MESH_ROOT_KEY=7:\(key)", "RATE_LIMIT_SCALE=1000",
      "REDIS_URL=\(redis!.url(database: 2))", "STORAGE_URL=file://\(storage)",
    ]
    return try await start("gateway", common + settings)
  }

  func startNotes() async throws -> ServerProcess {
    let url = try await PostgresServer.shared().freshURL()
    let key = rootKey.derived(for: "service notes").withBytes { Hex.encode($0) }
    return try await start(
      "mesh-example",
      ["SERVICE=notes", "'DATABASE_URL=\(url)'", "MESH_KEY=7:\(key)", "STORAGE_URL=file://\(storage)"])
  }

  func client(at elsewhere: SocketAddress? = nil) async throws -> RawClient {
    try await RawClient(elsewhere ?? address)
  }

  /// Publishes to a compacted topic; nil removes the key.
  func publish(_ topic: String, _ key: String, _ value: [UInt8]?) async throws {
    let configuration = try KafkaConfiguration(brokers: broker.address, clientID: "test")
    try await MeshTopics.create(
      compacted: [IdentityFeed.keys, IdentityFeed.revocations, RealtimeSide.hidden], at: configuration,
      within: .seconds(10))
    let producer = try Producer(configuration)
    _ = try await producer.produce(to: producer.topic(topic), partition: 0, key: Array(key.utf8), value: value)
    try await producer.close(within: .seconds(5))
  }

  /// Enters a service into the catalogue that nobody runs, and makes its topics.
  func announce(_ record: ServiceRecord) async throws {
    let admin = try Admin(KafkaConfiguration(brokers: broker.address, clientID: "test"))
    defer { admin.close() }
    _ = try await admin.createTopics(MeshTopics.own(of: record.service))
    try await publish(MeshTopics.catalogue, record.service, try JSONEncoding.bytes(of: record))
  }

  /// Publishes the key that `token` signs with.
  func publishKey() async throws {
    let key = signingKey.verifyingKey
    let jwk = #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(key.bytes))","kid":"\#(key.thumbprint)"}"#
    try await publish(
      IdentityFeed.keys, key.thumbprint, Array(#"{"kid":"\#(key.thumbprint)","jwk":\#(jwk)}"#.utf8))
  }

  func token(for member: MemberID) throws -> [String: String] {
    let now = Date()
    let claims = AccessClaims(
      exp: now.addingTimeInterval(900), iat: now, sub: member, sid: ID(at: .now), role: .member)
    return ["Authorization": "Bearer \(try TokenSigner(signingKey).mint(claims))"]
  }
}
