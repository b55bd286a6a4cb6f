import Contract
import Crypto
import EventLoop
import Foundation
import IdentityAPI
import Kafka
import Mesh
import Postgres
import ProfilesAPI
import Storage
import Telemetry
import TestKit

/// The built service with a broker and a schema of its own, asked as the gateway asks it, and told what other services tell.
@Loop final class ProfilesWorld {
  let database: Database
  /// Where the service keeps pictures.
  let storage: LocalStorage
  private let broker: BrokerServer
  private let url: String
  private let rootKey = SymmetricKey()
  private let gateway: Asker
  private let producer: Producer
  /// How many events each service has told about each subject.
  private var versions: [String: Int] = [:]
  private var process: ServerProcess?

  /// Starts the service.
  init() async throws {
    broker = try BrokerServer()
    url = try await PostgresServer.shared().freshURL()
    storage = LocalStorage(root: "\(broker.folder.path)/media")
    database = Database(.init(url: url, applicationName: "test"))
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: "test")
    let admin = try Admin(kafka)
    try await admin.waitUntilReady(within: .seconds(10))
    let services = ["identity", "messaging", "presence", "profiles"]
    _ = try await admin.createTopics(MeshTopics.common + services.flatMap { MeshTopics.own(of: $0) })
    admin.close()
    gateway = try Asker(
      kafka, keys: .root(KeyRing(current: 7, keys: [7: rootKey])), log: .disabled, metrics: Metrics())
    producer = try Producer(kafka)
    try await gateway.start()
    process = try start()
    try await process?.start()
  }

  private func start() throws -> ServerProcess {
    let ops = try FreePort.nextAddress()
    let key = rootKey.derived(for: "service profiles").withBytes { Hex.encode($0) }
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("profiles").path
    let environment = [
      "KAFKA_BROKERS=\(broker.address)", "'DATABASE_URL=\(url)'", "MESH_KEY=7:\(key)", "OPS_ADDRESS=\(ops)",
      "STORAGE_URL=file://\(storage.root)", "DEVELOPMENT=true",
    ]
    return try ServerProcess(
      "profiles", run: "env \(environment.joined(separator: " ")) \(program)",
      probe: "curl -sf http://\(ops)/readyz")
  }

  func end() async throws {
    try await process?.stop()
    await gateway.close()
    try await producer.close(within: .seconds(1))
    database.close()
    broker.stop()
  }

  /// What a client gets: the reply, or the problem.
  func ask<Request: Endpoint>(
    _ request: Request, as member: MemberID, path: PathValues = [:], query: String? = nil, ifMatch: String? = nil,
    object: ObjectKey? = nil, role: Role = .member
  ) async throws -> Result<Request.Reply, Problem> {
    let now = Timestamp.now
    let passport = Passport(
      endpoint: Request.name, request: UniqueID(at: now), deadline: now + .seconds(15),
      caller: .member(member, role: role, session: AuthSessionID(at: now)), path: path,
      client: ClientDetails(address: "127.0.0.1", userAgent: "test", ifMatch: ifMatch), object: object)
    let isRead = Request.route?.method == .get || Request.route?.method == .delete
    let body = try query.map { Array($0.utf8) } ?? (isRead ? [] : Array(JSONEncoder().encode(request)))
    let answer = try await gateway.ask(Question(passport, body: body, key: Array(member.description.utf8)))
    guard answer.kind == .reply else {
      return .failure(try JSONDecoder().decode(Problem.self, from: Data(answer.body)))
    }
    if let nothing = Nothing() as? Request.Reply { return .success(nothing) }
    return .success(try JSONDecoder().decode(Request.Reply.self, from: Data(answer.body)))
  }

  /// Tells what another service tells: the next event about its subject (CloudEvents 1.0, Kafka protocol binding).
  func tell<Fact: Event>(_ fact: Fact) throws {
    let version = versions["\(Fact.service) \(fact.subject)", default: 0] + 1
    versions["\(Fact.service) \(fact.subject)"] = version
    let now = Timestamp.now
    let headers = [
      ("ce_specversion", "1.0"), ("ce_id", UniqueID(at: now).description), ("ce_type", Fact.name),
      ("ce_source", "/\(Fact.service)"), ("ce_subject", fact.subject.description), ("ce_time", now.description),
      ("ce_version", "\(version)"), ("content-type", "application/json"),
    ]
    try producer.send(
      to: producer.topic(MeshTopics.events(of: Fact.service)), key: Array(fact.subject.description.utf8),
      value: Array(JSONEncoder().encode(fact)), headers: headers.map { KafkaHeader($0, $1) })
  }

  /// Somebody who has just registered.
  func register(_ firstName: String) throws -> MemberID {
    let member = MemberID(at: .now)
    try tell(
      MemberRegistered(
        member: member, firstName: PersonName(firstName), lastName: PersonName("Test"), referralCode: nil,
        email: EmailAddress("\(firstName)@example.org")))
    return member
  }

  /// What a client gets who sends a picture: the gateway keeps it, asks, and removes it again.
  func send(_ picture: [UInt8], as member: MemberID) async throws -> Result<Avatar, Problem> {
    let key = ObjectKey(incoming: UniqueID(at: .now))
    try await storage.put(.bytes(picture), as: key, type: "image/png")
    let request = SetAvatar(object: key, size: picture.count)
    let answer = try await ask(request, as: member, object: key)
    try await storage.remove(key)
    return answer
  }

  /// The names of the pictures that are kept.
  var pictures: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: "\(storage.root)/public/profiles")) ?? []).sorted()
  }

  /// The skill of the taxonomy with this slug.
  func skill(_ slug: String, as member: MemberID) async throws -> SkillID {
    let found = try await ask(Skills(), as: member, query: "q=\(slug)").get().items
    return found.first { $0.slug == slug }!.id
  }

  /// What the service has told about a member, in order.
  func told(about member: MemberID) async throws -> [String] {
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

extension Result where Failure == Problem {
  /// Why not; nil for a reply.
  var problem: Problem? { if case .failure(let problem) = self { problem } else { nil } }
}
