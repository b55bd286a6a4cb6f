public import Contract
public import Crypto
public import EventLoop
import Foundation
public import Kafka
public import Mesh
public import Postgres
import Telemetry
public import TestKit

/// A built service with a broker and a schema of its own, asked as the gateway and as other services ask it, and told what
/// others tell. Each service's tests have a class of their own that says what is particular to it.
@Loop open class ServiceWorld {
  /// A process of the service.
  public struct Replica: Sendable {
    /// The process.
    public let process: ServerProcess
    /// `HOST:PORT` of `/healthz`, `/readyz` and `/metrics`.
    public let ops: String
  }

  /// The service's schema.
  public let database: Database
  /// Where all topics are.
  public let broker: BrokerServer
  /// The client's side of it.
  public let kafka: KafkaConfiguration
  /// The key that all others come from.
  public let root: KeyRing
  /// What runs, in the order in which it was started.
  public private(set) var replicas: [Replica] = []

  private let service: String
  private let url: String
  private let rootKey = SymmetricKey()
  private let gateway: Asker
  private let producer: Producer
  private var services: [String: Asker] = [:]
  /// How many events others have told about each subject.
  private var versions: [String: Int] = [:]

  /// Makes the broker, the schema, and the topics of the service and of those that it hears. No replica runs yet.
  public init(_ service: String, hearing others: [String] = []) async throws {
    self.service = service
    broker = try BrokerServer()
    root = KeyRing(current: 7, keys: [7: rootKey])
    url = try await PostgresServer.shared().freshURL()
    database = Database(.init(url: url, applicationName: "test"))
    kafka = try KafkaConfiguration(brokers: broker.address, clientID: "test")
    let admin = try Admin(kafka)
    try await admin.waitUntilReady(within: .seconds(10))
    _ = try await admin.createTopics(MeshTopics.common + ([service] + others).flatMap { MeshTopics.own(of: $0) })
    admin.close()
    gateway = try Asker(kafka, keys: .root(root), log: .disabled, metrics: Metrics())
    try await gateway.start()
    producer = try Producer(kafka)
  }

  /// Starts the replica of this number with these settings (`NAME=VALUE`), and waits until it is ready.
  public func start(_ replica: Int, _ settings: [String] = []) async throws {
    let ops = try FreePort.nextAddress()
    let environment =
      [
        "KAFKA_BROKERS=\(broker.address)", "'DATABASE_URL=\(url)'", "REPLICA=\(replica)", "OPS_ADDRESS=\(ops)",
        "MESH_KEY=\(MeshKeys.ownText(of: service, root: rootKey, id: 7))",
      ] + settings
    let process = try ServerProcess(
      service, run: "env \(environment.joined(separator: " ")) \(BuiltProgram.url(service).path)",
      probe: "curl -sf http://\(ops)/readyz")
    try await process.start()
    replicas.append(Replica(process: process, ops: ops))
  }

  /// Ends all replicas.
  public func stopReplicas() async throws {
    for replica in replicas { try await replica.process.stop() }
    replicas = []
  }

  /// Ends everything.
  open func end() async throws {
    try await stopReplicas()
    await gateway.close()
    for asker in services.values { await asker.close() }
    try await producer.close(within: .seconds(1))
    database.close()
    broker.stop()
  }

  // MARK: Asking

  /// What a client gets: the reply, or the problem.
  public func ask<Request: Endpoint>(
    _ request: Request, as caller: Caller = .anyone, path: PathValues = [:], query: String? = nil, body: String? = nil,
    key: String? = nil, client: ClientDetails? = nil, object: ObjectKey? = nil
  ) async throws -> Result<Request.Reply, Problem> {
    try await answer(
      to: request, as: caller, path: path, query: query, body: body, key: key, client: client, object: object
    ).reply
  }

  /// What a member gets, who has one sign-in, whose identifier is the member's.
  public func ask<Request: Endpoint>(
    _ request: Request, as member: MemberID, role: Role = .member, path: PathValues = [:], query: String? = nil,
    body: String? = nil, key: String? = nil, client: ClientDetails? = nil, object: ObjectKey? = nil
  ) async throws -> Result<Request.Reply, Problem> {
    let caller = Caller.member(member, role: role, session: Self.session(of: member))
    return try await ask(
      request, as: caller, path: path, query: query, body: body, key: key, client: client, object: object)
  }

  /// The only sign-in of a member.
  public nonisolated static func session(of member: MemberID) -> AuthSessionID { AuthSessionID(member.value) }

  /// What another service gets.
  public func ask<Request: Endpoint>(
    _ request: Request, asService name: String
  ) async throws -> Result<Request.Reply, Problem> {
    try await ask(request, as: .service(name, member: nil))
  }

  /// What a client gets, with the status of the answer. What the request says comes in the body, as `body` has it or
  /// encoded; of requests that are read from the path alone, only a service sends one.
  public func answer<Request: Endpoint>(
    to request: Request, as caller: Caller, path: PathValues = [:], query: String? = nil, body: String? = nil,
    key: String? = nil, client: ClientDetails? = nil, object: ObjectKey? = nil
  ) async throws -> (status: Int, reply: Result<Request.Reply, Problem>) {
    let now = Timestamp.now
    let passport = Passport(
      endpoint: Request.name, request: UniqueID(at: now), deadline: now + .seconds(15), caller: caller, path: path,
      idempotencyKey: key, client: client, object: object)
    let content = try query ?? body ?? Self.body(of: request, from: caller)
    // As at the gateway: requests about the same thing are answered in order.
    let order = path.pairs.first?.value ?? passport.idempotencyKey
    let answer = try await asker(for: caller).ask(
      Question(passport, body: Array(content.utf8), key: Array(order.utf8)))
    return (answer.status, try Self.reply(Request.self, answer))
  }

  private static func body(of request: some Endpoint, from caller: Caller) throws -> String {
    let method = type(of: request).route?.method
    if caller.service == nil, method == .get || method == .delete { return "" }
    let encoder = JSONEncoder()
    // A request that is sent again is the same to the byte.
    encoder.outputFormatting = .sortedKeys
    return String(decoding: try encoder.encode(request), as: UTF8.self)
  }

  private static func reply<Request: Endpoint>(
    _ type: Request.Type, _ answer: Answer
  ) throws -> Result<Request.Reply, Problem> {
    guard answer.kind == .reply else {
      if answer.body.isEmpty { return .failure(Problem(0, "\(answer.kind)", "no problem was told")) }
      return .failure(try JSONDecoder().decode(Problem.self, from: Data(answer.body)))
    }
    if let nothing = Nothing() as? Request.Reply { return .success(nothing) }
    return .success(try JSONDecoder().decode(Request.Reply.self, from: Data(answer.body)))
  }

  private func asker(for caller: Caller) async throws -> Asker {
    guard let name = caller.service else { return gateway }
    if let known = services[name] { return known }
    let asker = try Asker(
      KafkaConfiguration(brokers: broker.address, clientID: name),
      keys: .service(name, asking: [service], root: root), log: .disabled, metrics: Metrics())
    try await asker.start()
    services[name] = asker
    return asker
  }

  // MARK: Events

  /// Tells what another service tells: the next event about its subject (CloudEvents 1.0, Kafka protocol binding).
  public func tell<Fact: Event>(_ fact: Fact) throws {
    let version = versions["\(Fact.service) \(fact.subject)", default: 0] + 1
    versions["\(Fact.service) \(fact.subject)"] = version
    let now = Timestamp.now
    let headers = [
      ("ce_specversion", "1.0"), ("ce_id", "\(UniqueID(at: now))"), ("ce_type", Fact.name),
      ("ce_source", "/\(Fact.service)"), ("ce_subject", "\(fact.subject)"), ("ce_time", "\(now)"),
      ("ce_version", "\(version)"), ("content-type", "application/json"),
    ]
    try producer.send(
      to: producer.topic(MeshTopics.events(of: Fact.service)), key: Array("\(fact.subject)".utf8),
      value: Array(JSONEncoder().encode(fact)), headers: headers.map { KafkaHeader($0, $1) })
  }

  /// The names of the events that the service has told about a subject, in order.
  public func events(about subject: some PostgresEncodable) async throws -> [String] {
    try await database.query("select name from mesh_outbox where subject = \(subject) order by version")
      .decode(String.self)
  }

  // MARK: Waiting

  /// Waits until `condition` holds; throws after 20 seconds.
  public func wait(_ what: String, until condition: @Loop () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(20)
    while try await !condition() {
      guard ContinuousClock.now < deadline else { throw NeverHappened(what) }
      try await Loop.sleep(for: .milliseconds(20))
    }
  }
}

/// What a test expected and did not see.
public struct NeverHappened: Error {
  /// What it is.
  public let what: String

  /// That it did not happen.
  public init(_ what: String) { self.what = what }
}

extension Caller {
  fileprivate var service: String? {
    if case .service(let name, _) = self { name } else { nil }
  }
}

extension Result where Failure == Problem {
  /// Why there is no reply; nil for one.
  public var problem: Problem? {
    if case .failure(let problem) = self { problem } else { nil }
  }
}
