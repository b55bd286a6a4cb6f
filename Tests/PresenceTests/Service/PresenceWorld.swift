import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import Postgres
import PresenceAPI
import Telemetry
import TestKit

/// The built service with a broker, a schema and a Redis of its own, asked as the gateway asks it. Identity, messaging and
/// the gateways are played by the tests.
@Loop final class PresenceWorld {
  let database: Database
  let redis: RedisServer
  /// What every gateway is told, in order.
  private(set) var pushes: [PushMessage] = []
  /// What every gateway knows of hidden members.
  private(set) var hidden: Set<String> = []
  let broker: BrokerServer
  private let kafka: KafkaConfiguration
  private let url: String
  private let rootKey = SymmetricKey()
  private let root: KeyRing
  private let gateway: Asker
  private let producer: Producer
  private var feed: PushFeed!
  private var states: Consumer!
  private var services: [String: Asker] = [:]
  private(set) var processes: [(process: ServerProcess, ops: String)] = []
  private var versions: [String: Int64] = [:]
  private let scale: Double

  /// Starts replicas, with all times multiplied by `scale`.
  init(replicas: Int = 1, scale: Double = 1) async throws {
    let broker = try BrokerServer()
    (self.broker, self.scale) = (broker, scale)
    root = KeyRing(current: 7, keys: [7: rootKey])
    url = try await PostgresServer.shared().freshURL()
    database = Database(.init(url: url, applicationName: "test"))
    redis = try await RedisServer()
    kafka = try KafkaConfiguration(brokers: broker.address, clientID: "test")
    let admin = try Admin(kafka)
    try await admin.waitUntilReady(within: .seconds(10))
    let topics = ["presence", "identity", "messaging", "profiles"].flatMap { MeshTopics.own(of: $0) }
    let compacted = Admin.NewTopic(HiddenMember.topic, partitions: 1, settings: ["cleanup.policy": "compact"])
    _ = try await admin.createTopics(MeshTopics.common + topics + [compacted])
    admin.close()
    gateway = try Asker(kafka, keys: .root(root), log: .disabled, metrics: Metrics())
    try await gateway.start()
    producer = try Producer(kafka)
    feed = PushFeed(keys: .root(root), log: .disabled, metrics: Metrics()) { [weak self] in self?.pushes.append($0) }
    try feed.start(kafka, instance: nil)
    var options = ConsumerOptions()
    options.reset = .earliest
    states = try Consumer(kafka, options, delegate: self)
    try await states.assign([TopicPartition(HiddenMember.topic, 0): .beginning], within: .seconds(10))
    for replica in 0..<replicas { try await start(replica, scale) }
  }

  private func start(_ replica: Int, _ scale: Double) async throws {
    let ops = try FreePort.nextAddress()
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("presence").path
    let environment = [
      "KAFKA_BROKERS=\(broker.address)", "'DATABASE_URL=\(url)'", "REDIS_URL=\(redis.url())",
      "MESH_KEY=\(MeshKeys.ownText(of: "presence", root: rootKey, id: 7))", "REPLICA=\(replica)",
      "OPS_ADDRESS=\(ops)", "PRESENCE_TIME_SCALE=\(scale)",
    ]
    let process = try ServerProcess(
      "presence", run: "env \(environment.joined(separator: " ")) \(program)", probe: "curl -sf http://\(ops)/readyz")
    try await process.start()
    processes.append((process, ops))
  }

  func end() async throws {
    for (process, _) in processes { try await process.stop() }
    await feed.stop(within: .seconds(1))
    await states.close(within: .seconds(1))
    await gateway.close()
    try await producer.close(within: .seconds(1))
    database.close()
    broker.stop()
  }

  // MARK: Asking

  /// What a client gets: the reply, or the problem.
  func ask<Request: Endpoint>(
    _ request: Request, as member: MemberID, path: PathValues = [:], query: String? = nil, body: String? = nil
  ) async throws -> Result<Request.Reply, Problem> {
    let now = Timestamp.now
    let caller = Caller.member(member, role: .member, session: Self.session(of: member))
    let passport = Passport(
      endpoint: Request.name, request: UniqueID(at: now), deadline: now + .seconds(15), caller: caller, path: path,
      idempotencyKey: nil)
    let isRead = Request.route?.method == .get
    let text = try query ?? body ?? (isRead ? "" : String(decoding: JSONEncoder().encode(request), as: UTF8.self))
    let answer = try await gateway.ask(
      Question(passport, body: Array(text.utf8), key: Array(passport.idempotencyKey.utf8)))
    guard answer.kind == .reply else {
      guard !answer.body.isEmpty else { return .failure(Problem(0, "\(answer.kind)", "no problem was told")) }
      return .failure(try JSONDecoder().decode(Problem.self, from: Data(answer.body)))
    }
    if let nothing = Nothing() as? Request.Reply { return .success(nothing) }
    return .success(try JSONDecoder().decode(Request.Reply.self, from: Data(answer.body)))
  }

  /// Each member has one sign-in, whose identifier is the member's.
  static func session(of member: MemberID) -> AuthSessionID { AuthSessionID(member.value) }

  func presence(of member: MemberID, by viewer: MemberID) async throws -> PresenceView {
    try await ask(PresenceOf(userId: member), as: viewer, path: ["userId": "\(member)"]).get()
  }

  func beat(_ member: MemberID, _ device: String = "phone", _ kind: Heartbeat.Kind? = nil, _ state: AppState? = nil)
    async throws
  {
    _ = try await ask(Heartbeat(deviceId: DeviceName(device)!, status: kind, appState: state), as: member).get()
  }

  func choose(_ choice: ChooseStatus, as member: MemberID) async throws { _ = try await ask(choice, as: member).get() }

  func show(to audience: StatusAudience, as member: MemberID) async throws {
    _ = try await ask(ChangePrivacy(showOnlineStatus: audience), as: member).get()
  }

  func watch(_ member: MemberID, as viewer: MemberID) async throws -> (grant: ChannelGrant, told: UserStatusChange) {
    let grant = try await ask(WatchPresence(member: member), as: viewer).get()
    let greeting = grant.greetings[0]
    return (grant, try JSONDecoder().decode(UserStatusChange.self, from: Data(greeting.data.utf8)))
  }

  // MARK: Others' events

  /// Publishes a fact as another service does.
  func publish<Fact: Event>(_ fact: Fact) async throws {
    let version = versions["\(Fact.service) \(fact.subject)", default: 0] + 1
    versions["\(Fact.service) \(fact.subject)"] = version
    let headers = [
      ("ce_specversion", "1.0"), ("ce_id", "\(UniqueID(at: .now))"), ("ce_type", Fact.name),
      ("ce_source", "/\(Fact.service)"), ("ce_subject", "\(fact.subject)"), ("ce_time", "\(Timestamp.now)"),
      ("ce_version", "\(version)"),
    ]
    try producer.send(
      to: producer.topic(MeshTopics.events(of: Fact.service)), key: Array("\(fact.subject)".utf8),
      value: Array(JSONEncoder().encode(fact)), headers: headers.map { KafkaHeader($0.0, $0.1) })
  }

  /// A gateway that tells of devices.
  func gateway(_ id: UniqueID = UniqueID(at: .now)) throws -> ActivitySender {
    let sender = try ActivitySender(
      kafka, gateway: id, pulse: .seconds(10) * max(scale, 0.1), log: .disabled, metrics: Metrics())
    sender.start()
    return sender
  }

  // MARK: What came of it

  /// The statuses that watchers of a member were told, with the views that they were told to.
  func told(about member: MemberID) throws -> [PresenceStatus] {
    try pushes.filter { $0.channel == .presence(of: member) && $0.kind == .passing }.map { push in
      guard push.view == WatchPresence.fullView else { throw NeverHappened(what: "a push to all") }
      return try JSONDecoder().decode(UserStatusChange.self, from: Data(push.data)).status
    }
  }

  /// How often gateways were asked to look at a channel's grants again.
  func rechecks(of member: MemberID) -> Int {
    pushes.count { $0.channel == .presence(of: member) && $0.kind == .recheck }
  }

  /// The events about a member, in order: name and status.
  func events(about member: MemberID) async throws -> [String] {
    try await database.query(
      """
      select regexp_replace(name, '^presence.', '') || ' ' || (payload::jsonb ->> 'status') from mesh_outbox
      where subject = \(member) order by version
      """
    ).decode(String.self)
  }

  /// Waits until `condition` holds; throws after `limit`.
  func wait(_ what: String, within limit: Duration = .seconds(20), until condition: @Loop () async throws -> Bool)
    async throws
  {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
      guard ContinuousClock.now < deadline else { throw NeverHappened(what: what) }
      try await Loop.sleep(for: .milliseconds(20))
    }
  }

  /// Waits until `viewer` sees `status`.
  func wait(until member: MemberID, is status: PresenceStatus, for viewer: MemberID) async throws {
    try await wait("\(status)") { try await presence(of: member, by: viewer).status == status }
  }

  struct NeverHappened: Error { let what: String }
}

extension PresenceWorld: ConsumerDelegate {
  func received(_ messages: [KafkaMessage], from consumer: Consumer) {
    for message in messages {
      let key = String(decoding: message.key ?? [], as: UTF8.self)
      if message.value == nil { hidden.remove(key) } else { hidden.insert(key) }
    }
  }

  func failed(_ error: KafkaError, partition: TopicPartition?, in consumer: Consumer) {}
}
