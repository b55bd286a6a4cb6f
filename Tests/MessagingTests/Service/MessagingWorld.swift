import Contract
import Crypto
import EventLoop
import Foundation
import Kafka
import Mesh
import MessagingAPI
import Postgres
import Telemetry
import TestKit

/// The built service with a broker and a schema of its own, asked as the gateway and as other services ask it.
@Loop final class MessagingWorld {
  let database: Database
  private let broker: BrokerServer
  private let url: String
  private let rootKey = SymmetricKey()
  private let root: KeyRing
  private let gateway: Asker
  private var services: [String: Asker] = [:]
  private var processes: [ServerProcess] = []

  /// Starts replicas, which seal conversations' keys with these master keys.
  init(replicas: Int = 1, masterKey: String = MessagingWorld.masterKey(1)) async throws {
    let broker = try BrokerServer()
    self.broker = broker
    root = KeyRing(current: 7, keys: [7: rootKey])
    url = try await PostgresServer.shared().freshURL()
    database = Database(.init(url: url, applicationName: "test"))
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: "test")
    let admin = try Admin(kafka)
    try await admin.waitUntilReady(within: .seconds(10))
    _ = try await admin.createTopics(MeshTopics.common + MeshTopics.own(of: "messaging"))
    admin.close()
    gateway = try Asker(kafka, keys: .root(root), log: .disabled, metrics: Metrics())
    try await gateway.start()
    for replica in 0..<replicas { try await start(replica, masterKey: masterKey) }
  }

  /// A master key as the option takes it.
  nonisolated static func masterKey(_ id: Int) -> String { "\(id):" + String(repeating: "0\(id)", count: 32) }

  /// Starts a replica.
  func start(_ replica: Int, masterKey: String) async throws {
    let ops = try FreePort.nextAddress()
    let key = rootKey.derived(for: "service messaging").withBytes { Hex.encode($0) }
    let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
      .appendingPathComponent("messaging").path
    let environment = [
      "KAFKA_BROKERS=\(broker.address)", "'DATABASE_URL=\(url)'", "MESH_KEY=7:\(key)", "REPLICA=\(replica)",
      "OPS_ADDRESS=\(ops)", "MESSAGING_MASTER_KEY=\(masterKey)",
    ]
    let process = try ServerProcess(
      "messaging", run: "env \(environment.joined(separator: " ")) \(program)", probe: "curl -sf http://\(ops)/readyz")
    try await process.start()
    processes.append(process)
  }

  /// Ends all replicas.
  func stopReplicas() async throws {
    for process in processes { try await process.stop() }
    processes = []
  }

  func end() async throws {
    try await stopReplicas()
    await gateway.close()
    for asker in services.values { await asker.close() }
    database.close()
    broker.stop()
  }

  /// A new member.
  func member(_ firstName: String = "Ada", isProvider: Bool = false) async throws -> Member {
    let id = MemberID(at: .now)
    try await database.query(
      """
      insert into members (id, first_name, last_name, is_provider)
      values (\(id), \(firstName), 'Lovelace', \(isProvider))
      """)
    return Member(world: self, id: id)
  }

  /// What a client gets: status and reply, or the problem.
  func ask<Request: Endpoint>(
    _ request: Request, as caller: Caller, path: PathValues = [:], query: String? = nil, key: String? = nil
  ) async throws -> (status: Int, reply: Result<Request.Reply, Problem>) {
    let asker = try await asker(for: caller)
    let now = Timestamp.now
    let passport = Passport(
      endpoint: Request.name, request: UniqueID(at: now), deadline: now + .seconds(15), caller: caller, path: path,
      idempotencyKey: key)
    let isRead = Request.route?.method == .get || Request.route?.method == .delete
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    var isService = false
    if case .service = caller { isService = true }
    let body = try query.map { Array($0.utf8) } ?? (isRead && !isService ? [] : Array(encoder.encode(request)))
    // As at the gateway: requests with equal keys are answered in order.
    let order = path.pairs.first?.value ?? passport.idempotencyKey
    let answer = try await asker.ask(Question(passport, body: body, key: Array(order.utf8)))
    guard answer.kind == .reply else {
      return (answer.status, .failure(try JSONDecoder().decode(Problem.self, from: Data(answer.body))))
    }
    if let nothing = Nothing() as? Request.Reply { return (answer.status, .success(nothing)) }
    return (answer.status, .success(try JSONDecoder().decode(Request.Reply.self, from: Data(answer.body))))
  }

  /// Asks as a service.
  func ask<Request: Endpoint>(_ request: Request, asService name: String) async throws -> Result<Request.Reply, Problem>
  {
    try await ask(request, as: .service(name, member: nil)).reply
  }

  private func asker(for caller: Caller) async throws -> Asker {
    guard case .service(let name, _) = caller else { return gateway }
    if let known = services[name] { return known }
    let kafka = try KafkaConfiguration(brokers: broker.address, clientID: name)
    let asker = try Asker(
      kafka, keys: .service(name, asking: ["messaging"], root: root), log: .disabled, metrics: Metrics())
    try await asker.start()
    services[name] = asker
    return asker
  }

  /// The names of the events about a subject, in order.
  func events(about subject: UniqueID) async throws -> [String] {
    try await database.query("select name from mesh_outbox where subject = \(subject) order by version")
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

/// Somebody who uses the world.
@Loop struct Member {
  let world: MessagingWorld
  nonisolated let id: MemberID
  private var caller: Caller { .member(id, role: .member, session: AuthSessionID(at: Timestamp(microseconds: 0))) }

  nonisolated init(world: MessagingWorld, id: MemberID) { (self.world, self.id) = (world, id) }

  func ask<Request: Endpoint>(
    _ request: Request, path: PathValues = [:], query: String? = nil, key: String? = nil
  ) async throws -> Result<Request.Reply, Problem> {
    try await world.ask(request, as: caller, path: path, query: query, key: key).reply
  }

  /// The direct conversation with somebody.
  func open(with other: Member) async throws -> Conversation {
    try await ask(OpenConversation(kind: .direct, participantIds: [other.id])).get().conversation
  }

  func group(with others: [Member], title: String = "Group") async throws -> Conversation {
    try await ask(
      OpenConversation(kind: .group, participantIds: others.map(\.id), title: try Title(title))
    ).get().conversation
  }

  func send(
    _ text: String, to conversation: ConversationID, clientID: String = UniqueID(at: .now).description,
    replyTo: MessageID? = nil, mentions: [MemberID]? = nil
  ) async throws -> (status: Int, reply: Result<Message, Problem>) {
    let request = SendMessage(
      conversation: conversation, clientMessageId: ClientMessageID(clientID)!, body: try MessageBody(text),
      replyTo: replyTo, mentions: mentions)
    let answer = try await world.ask(request, as: caller, path: ["conversation": conversation.description])
    return (answer.status, answer.reply.map(\.message))
  }

  /// Sends, and expects it to work.
  func say(_ text: String, to conversation: ConversationID) async throws -> Message {
    try await send(text, to: conversation).reply.get()
  }

  func messages(of conversation: ConversationID, _ query: String = "") async throws -> [Message] {
    try await ask(
      Messages(conversation: conversation), path: ["conversation": conversation.description], query: query
    ).get().items
  }

  func show(_ conversation: ConversationID) async throws -> Result<Conversation, Problem> {
    try await ask(
      ShowConversation(conversation: conversation), path: ["conversation": conversation.description])
  }

  func conversations(_ query: String = "") async throws -> Conversations.Reply {
    try await ask(Conversations(), query: query).get()
  }

  func note(delivered: Int64? = nil, read: Int64? = nil, in conversation: ConversationID) async throws
    -> NoteReceipts.Reply
  {
    try await ask(
      NoteReceipts(
        conversation: conversation, deliveredSeq: delivered.flatMap { MessageSeq($0) },
        readSeq: read.flatMap { MessageSeq($0) }), path: ["conversation": conversation.description]
    ).get()
  }

  func search(_ query: String) async throws -> Result<SearchMessages.Reply, Problem> {
    try await ask(SearchMessages(q: ""), query: query)
  }
}

extension Result where Failure == Problem {
  /// The problem; nil for a success.
  var problem: Problem? { if case .failure(let problem) = self { problem } else { nil } }
}
