import Contract
import Crypto
import EventLoop
import Foundation
import IdentityAPI
import Kafka
import Mesh
import Postgres
import Telemetry
import TestKit

/// The built service with a broker and a schema of its own, asked as the gateway and as other services ask it.
@Loop final class IdentityWorld {
  let database: Database
  /// What every gateway knows, from the shared topics alone.
  let keys: TopicCopy
  let revocations: TopicCopy
  private let broker: BrokerServer
  private let url: String
  private let rootKey = SymmetricKey()
  private let root: KeyRing
  private let gateway: Asker
  private var services: [String: Asker] = [:]
  private var processes: [(process: ServerProcess, ops: String)] = []

  /// Starts replicas with these settings.
  init(replicas: Int = 1, settings: [String] = []) async throws {
    let broker = try BrokerServer()
    self.broker = broker
    root = KeyRing(current: 7, keys: [7: rootKey])
    url = try await PostgresServer.shared().freshURL()
    database = Database(.init(url: url, applicationName: "test"))
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: "test")
    let admin = try Admin(kafka)
    try await admin.waitUntilReady(within: .seconds(10))
    _ = try await admin.createTopics(MeshTopics.common + MeshTopics.own(of: "identity"))
    admin.close()
    gateway = try Asker(kafka, keys: .root(root), log: .disabled, metrics: Metrics())
    try await gateway.start()
    keys = TopicCopy()
    revocations = TopicCopy()
    for replica in 0..<replicas { try await start(replica, settings) }
    try await keys.open("identity.keys", kafka)
    try await revocations.open("identity.revocations", kafka)
  }

  private func start(_ replica: Int, _ settings: [String]) async throws {
    let ops = try FreePort.nextAddress()
    let key = rootKey.derived(for: "service identity").withBytes { Hex.encode($0) }
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("identity").path
    let environment =
      [
        "KAFKA_BROKERS=\(broker.address)", "'DATABASE_URL=\(url)'", "MESH_KEY=7:\(key)", "REPLICA=\(replica)",
        "OPS_ADDRESS=\(ops)", "DEVELOPMENT=true", "PASSWORD_COST=8KiB",
      ] + settings
    let process = try ServerProcess(
      "identity", run: "env \(environment.joined(separator: " ")) \(program)", probe: "curl -sf http://\(ops)/readyz")
    try await process.start()
    processes.append((process, ops))
  }

  func end() async throws {
    for (process, _) in processes { try await process.stop() }
    await gateway.close()
    for asker in services.values { await asker.close() }
    await keys.close()
    await revocations.close()
    database.close()
    broker.stop()
  }

  /// What a client gets: the reply, or the problem.
  func ask<Request: Endpoint>(
    _ request: Request, as caller: Caller = .anyone, path: PathValues = [:], query: String? = nil, key: String? = nil,
    client: ClientDetails? = nil
  ) async throws -> Result<Request.Reply, Problem> {
    let asker = try await asker(for: caller)
    let now = Timestamp.now
    let passport = Passport(
      endpoint: Request.name, request: UniqueID(at: now), deadline: now + .seconds(15), caller: caller, path: path,
      idempotencyKey: key, client: client)
    let isRead = Request.route?.method == .get || Request.route?.method == .delete
    let encoder = JSONEncoder()
    // A request that is sent again is the same to the byte.
    encoder.outputFormatting = .sortedKeys
    let body = try query.map { Array($0.utf8) } ?? (isRead ? [] : Array(encoder.encode(request)))
    let answer = try await asker.ask(Question(passport, body: body, key: Array(passport.idempotencyKey.utf8)))
    guard answer.kind == .reply else {
      return .failure(try JSONDecoder().decode(Problem.self, from: Data(answer.body)))
    }
    if let nothing = Nothing() as? Request.Reply { return .success(nothing) }
    return .success(try JSONDecoder().decode(Request.Reply.self, from: Data(answer.body)))
  }

  private func asker(for caller: Caller) async throws -> Asker {
    guard case .service(let name, _) = caller else { return gateway }
    if let known = services[name] { return known }
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: name)
    let asker = try Asker(
      kafka, keys: .service(name, asking: ["identity"], root: root), log: .disabled, metrics: Metrics())
    try await asker.start()
    services[name] = asker
    return asker
  }

  /// Registers somebody.
  func register(_ email: String, password: String = "correct battery horse") async throws -> SignedIn {
    try await ask(Register(registering: email, password)).get()
  }

  func login(
    _ email: String, password: String = "correct battery horse", client: ClientDetails? = nil
  ) async throws -> Result<SignedIn, Problem> {
    try await ask(Login(email: EmailAddress(email)!, password: password), client: client)
  }

  /// The token of the newest mail to `email` about `subject`, as soon as it is there.
  func mailedToken(to email: String, about subject: String) async throws -> String {
    var token: String?
    try await wait("mail to \(email)") {
      let reply = try await ask(DevelopmentMailbox(), query: "to=\(email)").get()
      token = reply.items.first { $0.subject.contains(subject) }?.token
      return token != nil
    }
    return token!
  }

  /// Who holds an access token, for a gateway that knows only what the topics say. Throws `TokenError`.
  func caller(holding token: String) throws -> Caller {
    let keys = try keys.values.values.map { try JSONDecoder().decode(PublishedKey.self, from: Data($0)).jwk }
    let set = JSONWebKeySet(keys.compactMap { Base64URL.decode($0.x).flatMap { VerifyingKey($0) } })
    let verifier = TokenVerifier(keys: set, issuer: "skillmesh", audience: "skillmesh")
    let claims = try verifier.verify(token, as: GatewayClaims.self, now: Date())
    return .member(claims.sub, role: claims.role, session: claims.sid)
  }

  /// The value of a counter, over all replicas.
  func counter(_ name: String) async throws -> Int {
    try processes.reduce(0) { sum, replica in
      let curl = Process()
      let output = Pipe()
      curl.executableURL = URL(fileURLWithPath: "/usr/bin/curl")
      curl.arguments = ["-sf", "http://\(replica.ops)/metrics"]
      curl.standardOutput = output
      try curl.run()
      let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
      curl.waitUntilExit()
      let line = text.split(separator: "\n").first { $0.hasPrefix("\(name) ") }
      return sum + (line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0)
    }
  }

  /// The names of the events about a member, in order.
  func events(about member: MemberID) async throws -> [String] {
    try await database.query("select name from mesh_outbox where subject = \(member) order by version")
      .decode(String.self)
  }

  /// Waits until `condition` holds; throws after 20 seconds.
  func wait(_ what: String, until condition: @Loop () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await !condition() {
      guard ContinuousClock.now < deadline else { throw NeverHappened(what: what) }
      try await Loop.sleep(for: .milliseconds(20))
    }
  }

  struct NeverHappened: Error { let what: String }
}

/// What the gateway reads in an access token.
struct GatewayClaims: TokenClaims {
  let iss: String
  let aud: String
  let exp: Date
  let nbf: Date?
  let sub: MemberID
  let sid: AuthSessionID
  let role: Role
}

extension Register {
  init(registering email: String, _ password: String) throws {
    self.init(
      email: EmailAddress(email)!, password: try NewPassword(password), firstName: try PersonName("Ada"),
      lastName: try PersonName("Lovelace"))
  }
}

extension SignedIn {
  /// The signed-in member as the gateway names them.
  func caller(_ world: IdentityWorld) async throws -> Caller {
    var caller: Caller?
    try await world.wait("the key of the token") {
      caller = try? world.caller(holding: accessToken)
      return caller != nil
    }
    return caller!
  }
}

/// A copy of a compacted topic, kept as gateways keep it.
@Loop final class TopicCopy: ConsumerDelegate {
  private(set) var values: [String: [UInt8]] = [:]
  private var consumer: Consumer?

  func open(_ topic: String, _ kafka: KafkaConfiguration) async throws {
    var options = ConsumerOptions()
    options.reset = .earliest
    let consumer = try Consumer(kafka, options, delegate: self)
    self.consumer = consumer
    try await consumer.assign([TopicPartition(topic, 0): .beginning], within: .seconds(10))
  }

  func close() async { await consumer?.close(within: .seconds(1)) }

  func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages { values[String(decoding: message.key ?? [], as: UTF8.self)] = message.value }
  }

  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {}

  subscript<Value: Decodable>(key: String, as type: Value.Type) -> Value? {
    values[key].flatMap { try? JSONDecoder().decode(type, from: Data($0)) }
  }
}
