public import Contract
public import Crypto
public import EventLoop
import Glibc
import HTTP
import Kafka
public import Postgres
public import Telemetry
import enum Wire.JSONEncoding

/// A service of the mesh: what it answers, handles and fires, and the process around it.
///
///     Loop.run {
///       await MeshService("notes", version: 1, options.mesh, migrations: Migrations.all).run { mesh in
///         mesh.read(Notes.self) { request, context, database in … }
///         mesh.write(AddNote.self) { request, context, tx in … }
///         mesh.handle(MemberErased.self) { event, tx in … }
///         mesh.fire(NoteExpired.self) { timer, tx in … }
///       }
///     }
///
/// **Life cycle.** `run` serves the operations page, waits for Kafka and PostgreSQL, brings the schema up to date, creates
/// topics that are missing, lets the closure say what the service does, begins, and enters the catalogue. When the process
/// is asked to end (`SIGTERM`), it takes nothing new, lets what is under way end, publishes and answers, and leaves.
///
/// **Invariants.** Whatever a handler of `write`, `handle` or `fire` does through its `Tx` takes effect exactly once,
/// whichever process dies when. Effects outside of it can be repeated.
@Loop public final class MeshService {
  /// The service's name: the first part of its endpoints' and events' names, and of its topics.
  public let name: String
  /// Writes log lines with the service's name.
  public let log: Log
  /// What the process counts.
  public let metrics = Metrics()

  private let version: Int
  private let options: MeshOptions
  private let migrations: [Migration]?
  private let keys: MeshKeys
  private var parts: Parts?
  private var endpoints: [EndpointRecord] = []
  private var events: [EventRecord] = []
  private var pushes: [PushRecord] = []
  private var repetitions: [Repetition] = []
  private var activity: ActivityFeed?
  /// The endpoints for which leave to send files is given.
  private var tickets: Set<String> = []
  private var state = "starting"
  private var failure: String?
  private var failed = Promise<Void>()

  /// What runs.
  private struct Parts {
    let kafka: KafkaConfiguration
    let answerer: Answerer
    let asker: Asker?
    let pushes: PushSender
    let durable: Durable?
  }

  /// What runs on PostgreSQL.
  private struct Durable {
    let database: Database
    let publisher: Publisher
    let pushes: PushOutbox
    let writes: Writes
    let inbox: Inbox
    let timers: TimerRunner
    let states: StatePublisher
    let transactor: Transactor
  }

  /// Describes a service.
  ///
  /// - Parameters:
  ///   - version: The contract's version, raised whenever endpoints or events change.
  ///   - migrations: The service's own tables; nil for a service without a database.
  public init(_ name: String, version: Int, _ options: MeshOptions, migrations: [Migration]?) {
    (self.name, self.version, self.options, self.migrations) = (name, version, options, migrations)
    log = Log(service: name, replica: String(options.replica), options: options.logs)
    keys = .service(name, own: options.key.exposed.ring, peers: options.peers?.exposed.rings ?? [:])
  }

  // MARK: What the service does

  /// Answers an endpoint without a transaction: reads, and what needs no database at all.
  public func answer<Request: Endpoint>(
    _ type: Request.Type, _ body: @escaping @Loop (Request, Context) async throws -> Request.Reply
  ) {
    enter(type, mayBeHedged: type.effect == .read)
    running.answerer.add(type.name) { [self] asked in
      await guarded(asked, type) { try .reply(to: type, await body(asked.decode(type), asked.context)) }
    }
  }

  /// Answers an endpoint that reads the database; its statements stand alone.
  public func read<Request: Endpoint>(
    _ type: Request.Type, _ body: @escaping @Loop (Request, Context, Database) async throws -> Request.Reply
  ) {
    let database = durable.database
    precondition(type.effect == .read, "\(type.name) changes something: answer it with write")
    answer(type) { request, context in try await body(request, context, database) }
  }

  /// Answers an endpoint in a transaction that holds its idempotency record too: a repeated request gets the first
  /// one's answer. `body` may begin for that one as well, but none of what it sends through its `Tx` is carried out. A
  /// refusal that is thrown undoes the transaction, and is an answer.
  public func write<Request: Endpoint>(
    _ type: Request.Type, _ body: @escaping @Loop (Request, Context, Tx) async throws -> Request.Reply
  ) {
    let writes = durable.writes
    enter(type, mayBeHedged: true)
    running.answerer.add(type.name) { [self] asked in
      await guarded(asked, type) {
        let request = try asked.decode(type)
        return await writes.answer(asked) { tx in try .reply(to: type, await body(request, asked.context, tx)) }
      }
    }
  }

  /// Answers as `write` does, but many requests at a time in one transaction: for what is asked most. `body` gets those that
  /// came while earlier ones were under way, in one `Tx`, and answers each with a reply or with what is thrown for it. It has
  /// to refuse a request before it changes anything for it, since a refusal leaves the transaction to the others; and it
  /// takes locks in an order of its own, whichever order the requests come in.
  public func writeJointly<Request: Endpoint>(
    _ type: Request.Type,
    _ body: @escaping @Loop ([JointRequest<Request>], Tx) async throws -> [Result<Request.Reply, any Error>]
  ) {
    let writes = JointWrites<Request>(durable.transactor, durable.writes, ring: keys.atRest) { requests, tx in
      try await body(requests, tx).map { outcome in Result { try .reply(to: type, outcome.get()) } }
    }
    enter(type, mayBeHedged: true)
    running.answerer.add(type.name) { [self] asked in
      await guarded(asked, type) { try await writes.answer(asked, asked.decode(type)) }
    }
  }

  /// Answers as `write` does, after `prepare` has done what is slow and changes nothing (hashing a password, asking
  /// another service), outside of the transaction. A request that was answered before is not prepared again.
  public func write<Request: Endpoint, Prepared>(
    _ type: Request.Type, preparing prepare: @escaping @Loop (Request, Context) async throws -> Prepared,
    _ body: @escaping @Loop (Request, Prepared, Context, Tx) async throws -> Request.Reply
  ) {
    let writes = durable.writes
    enter(type, mayBeHedged: true)
    running.answerer.add(type.name) { [self] asked in
      await guarded(asked, type) {
        let request = try asked.decode(type)
        if let answer = try await writes.recall(asked) { return answer }
        let prepared = try await prepare(request, asked.context)
        return await writes.answer(asked) { tx in
          try .reply(to: type, await body(request, prepared, asked.context, tx))
        }
      }
    }
  }

  /// Gives leave to send a file to an endpoint whose route takes one, before the gateway takes any of it; throws the
  /// endpoint's refusal where there is none. The endpoint itself is answered as any other, when the file is in storage.
  public func ticket<Request: Endpoint>(
    for type: Request.Type, _ body: @escaping @Loop (UploadOffer, Context) async throws -> UploadTicket
  ) {
    precondition(type.route?.body == .upload, "\(type.name) takes no files")
    tickets.insert(type.name)
    running.answerer.add(type.name + Route.ticketSuffix) { [self] asked in
      await guarded(asked, type) {
        let ticket = try await body(FieldDecoding.decode(from: asked.body), asked.context)
        return Answer(.reply, status: 200, body: try JSONEncoding.bytes(of: ticket))
      }
    }
  }

  /// Handles an event of another service in a transaction: exactly once, in order for each aggregate.
  public func handle<Fact: Event>(_ type: Fact.Type, _ body: @escaping @Loop (Fact, Tx) async throws -> Void) {
    durable.inbox.add(type.name, source: type.service) { record, tx in
      try await body(FieldDecoding.decode(type, from: Array(record.payload.utf8)), tx)
    }
  }

  /// Does what a timer says when it fires, in a transaction.
  public func fire<Timer: DurableTimer>(_ type: Timer.Type, _ body: @escaping @Loop (Timer, Tx) async throws -> Void) {
    durable.timers.add(type.name) { payload, tx in try await body(FieldDecoding.decode(type, from: payload), tx) }
  }

  /// Enters events into the catalogue that the service publishes.
  public func publishes<each Fact: Event>(_ types: repeat (each Fact).Type) {
    repeat events.append(record { try EventRecord((each types).self) })
  }

  /// Enters into the catalogue what the service tells clients, and on which channels.
  public func pushes<each P: Push>(_ types: repeat (each P).Type, on channels: ChannelPattern) {
    repeat pushes.append(record { try PushRecord((each types).self, on: channels) })
  }

  /// Tells the clients that are subscribed to `channel`: at once, and at most once. For what is of interest at the moment;
  /// what must arrive goes through `Tx.push`. With a `view`, only those who were granted it are told.
  public func push<P: Push>(_ push: P, to channel: Channel, view: String? = nil) throws {
    let sender = running.pushes
    sender.send(try PushMessage(push, id: UniqueID(at: .now), source: sender.source, to: channel, view: view))
  }

  /// Has the gateways ask again whether the subscribers of `channel` may be there, and how they see it. At most once; a
  /// change that must not be missed goes through `Tx.recheck`.
  public func recheck(_ channel: Channel) {
    let sender = running.pushes
    sender.send(PushMessage(id: UniqueID(at: .now), source: sender.source, kind: .recheck, channel: channel))
  }

  /// Hears what the gateways see of members' devices: at least once, each gateway's batches in order within a partition.
  /// Replicas share the partitions. A batch whose handler throws is handled again. Each `trial`, a partition's reader hears a
  /// batch of its own in it, as long as it hears anything.
  public func hears(tryingEach trial: Duration, _ body: @escaping @Loop (ActivityBatch) async throws -> Void) {
    precondition(activity == nil, "\(name) hears the gateways once")
    activity = ActivityFeed(service: name, trial: trial, log: log, metrics: metrics, handler: body)
  }

  /// Does something again and again on each replica while the service runs, never twice at once. `what` is for the log.
  public func repeats(every interval: Duration, _ what: String, _ body: @escaping @Loop () async throws -> Void) {
    repetitions.append(Repetition(every: interval, what, log: log, work: body))
  }

  /// Makes the topics of state that the service shares with `Tx.share`.
  public func shares<each State: SharedState>(_ types: repeat (each State).Type) {
    repeat durable.states.add((each types).topic)
  }

  /// The service's database. Only for services that were given one.
  public var database: Database { durable.database }

  /// The keys under which the service stores what nobody else may read.
  public var storageKeys: KeyRing { keys.atRest }

  /// The keys with which the service signs links to its private objects (`MediaLink`).
  public var mediaKeys: KeyRing { keys.signingMedia(of: name) }

  /// Does something that nobody asked for, in a transaction: what a service does when it starts. Throws what `body` throws,
  /// and `PostgresError`.
  public func transaction<Value>(
    within limit: Duration = .seconds(10), _ body: @Loop (Tx) async throws -> Value
  ) async throws -> Value {
    try await durable.transactor.run(now: .now, timeout: limit) { _, tx in try await body(tx) }
  }

  /// Asks another service, on the account of whoever asked this one (`context`), or on one's own. Not within a
  /// transaction: it would hold its locks meanwhile.
  ///
  /// Throws the endpoint's refusal, a `Problem`, or `AskError`.
  public func ask<Request: Endpoint>(
    _ request: Request, for context: Context? = nil, idempotencyKey: String? = nil,
    within limit: Duration = .seconds(10)
  ) async throws -> Request.Reply {
    guard let asker = running.asker else { throw AskError.noKey(service: Request.service) }
    let now = Timestamp.now
    let passport = Passport(
      endpoint: Request.name, request: context?.request ?? UniqueID(at: now),
      deadline: min(context?.deadline ?? now + limit, now + limit),
      caller: .service(name, member: context?.caller.member), idempotencyKey: idempotencyKey)
    let answer = try await asker.ask(
      Question(
        passport, body: JSONEncoding.bytes(of: request), key: Array(passport.idempotencyKey.utf8),
        hedgeAfter: Request.effect == .read ? .milliseconds(300) : nil, trace: context?.trace))
    return try answer.open(as: Request.self)
  }

  private var running: Parts {
    guard let parts else { preconditionFailure("a service says what it does within run") }
    return parts
  }

  private var durable: Durable {
    guard let durable = running.durable else {
      preconditionFailure("\(name) uses a database: give it migrations")
    }
    return durable
  }

  private func enter<Request: Endpoint>(_ type: Request.Type, mayBeHedged: Bool) {
    precondition(type.service == name, "\(type.name) belongs to \(type.service), and this is \(name)")
    if case .admits(let channels) = type.socket {
      let fields = record { try Schema(of: type) }.properties.map(\.name)
      precondition(
        type.Reply.self == ChannelGrant.self && fields == [channels.parameter],
        "\(type.name) admits to \(channels): it has the field \(channels.parameter) and answers a ChannelGrant")
    }
    endpoints.append(record { try EndpointRecord(type, mayBeHedged: mayBeHedged) })
  }

  private func record<Value>(_ make: () throws -> Value) -> Value {
    do { return try make() } catch { preconditionFailure("the contract has no shape: \(error)") }
  }

  /// Answers only whom the route is for, and turns what is thrown into an answer.
  private func guarded<Request: Endpoint>(
    _ asked: Asked, _ type: Request.Type, _ body: @Loop () async throws -> Answer
  ) async -> Answer {
    do {
      if let route = type.route {
        guard route.audience.includes(asked.context.caller) else {
          throw Problem(403, "forbidden", "This is for others: \(route.audience.rawValue).")
        }
      } else if type.socket != nil {
        _ = try asked.context.member
      } else if asked.passport.asker == nil {
        return Answer(.unknownEndpoint, status: 404, body: [])
      }
      return try await body()
    } catch {
      if let no = Answer.no(error) { return no }
      if let error = error as? PostgresError, error.passes || error.kind == .timedOut {
        log.limited().warning("a request could not be answered", ["endpoint": type.name, "error": "\(error)"])
        return .failure
      }
      log.error("a request failed", ["endpoint": type.name, "error": "\(error)"])
      return .bug
    }
  }

  // MARK: The process

  /// Runs the service until the process is asked to end; returns the exit status. `describe` says what it does.
  public func run(_ describe: @Loop (MeshService) async throws -> Void) async -> CInt {
    do {
      let page = try OperationsServer(
        on: SocketAddress(host: options.ops.host, port: options.ops.port), ill: { self.failure },
        unready: { self.unreadiness }, metrics: { self.metrics.render() })
      log.info("starting", ["ops": page.address])
      try await start(describe)
    } catch {
      log.error("cannot start: \(error)")
      return 1
    }
    let signal = await untilAskedToEnd()
    await drain()
    log.info("stopped", ["signal": signal])
    return failure == nil ? 0 : 1
  }

  private var unreadiness: String? {
    if state != "running" { return state }
    guard let parts else { return "starting" }
    let hasJoined = parts.answerer.isReady && parts.durable?.inbox.isReady ?? true && activity?.isReady ?? true
    return hasJoined ? nil : "joining its groups"
  }

  private func start(_ describe: @Loop (MeshService) async throws -> Void) async throws {
    let kafka = try options.kafka.configuration(clientID: "\(name)-\(options.replica)", log: log)
    state = "waiting for Kafka"
    let admin = try Admin(kafka)
    defer { admin.close() }
    try await admin.waitUntilReady(within: options.startupPatience)
    _ = try await admin.createTopics(MeshTopics.common + MeshTopics.own(of: name))

    state = "waiting for PostgreSQL"
    let answerer = try Answerer(service: name, kafka, keys: keys, log: log, metrics: metrics)
    let asker = options.peers == nil ? nil : try Asker(kafka, keys: keys, log: log, metrics: metrics)
    let pushes = try PushSender(source: name, kafka, keys: keys, log: log, metrics: metrics)
    let durable: Durable? = if let migrations { try await openDatabase(migrations, kafka, pushes) } else { nil }
    parts = Parts(kafka: kafka, answerer: answerer, asker: asker, pushes: pushes, durable: durable)

    state = "starting"
    try await describe(self)
    for endpoint in endpoints where endpoint.route?.body == .upload {
      precondition(tickets.contains(endpoint.name), "\(endpoint.name) takes files: say who may send them, with ticket")
    }
    if let durable {
      _ = try await admin.createTopics(durable.inbox.heardSources.flatMap { MeshTopics.own(of: $0) })
      _ = try await admin.createTopics(durable.states.newTopics)
      durable.publisher.start()
      durable.pushes.start()
      try await durable.states.start(kafka)
    }
    try await asker?.start()
    let instance = "\(name)-\(options.replica)"
    answerer.failedForGood = { [weak self] in self?.fail("\($0)") }
    try answerer.start(kafka, instance: instance)
    if let durable {
      durable.inbox.failedForGood = { [weak self] in self?.fail("\($0)") }
      try durable.inbox.start(kafka, instance: instance)
      durable.timers.start()
      tend(durable)
      let backlog = Backlog(durable.database, metrics: metrics)
      repetitions.append(
        Repetition(every: Backlog.interval, "counting what is left to do", log: log) { try await backlog.count() })
    }
    activity?.failedForGood = { [weak self] in self?.fail("\($0)") }
    try activity?.start(kafka, instance: instance)
    for repetition in repetitions { repetition.start() }
    try await enterCatalogue(kafka)
    state = "running"
    log.info("running", ["endpoints": endpoints.count, "version": version])
  }

  private struct ConfigurationProblem: Error, CustomStringConvertible {
    let description: String
  }

  private func openDatabase(
    _ migrations: [Migration], _ kafka: KafkaConfiguration, _ pushSender: PushSender
  ) async throws -> Durable {
    guard let url = options.databaseURL?.exposed.text else {
      throw ConfigurationProblem(description: "DATABASE_URL: not set, and \(name) needs a database")
    }
    var configuration = Database.Configuration(url: url, applicationName: "\(name)-\(options.replica)")
    configuration.connections = options.databaseConnections
    configuration.onNotice = { [log] severity, message in
      log.debug("PostgreSQL remarks", ["severity": severity, "remark": message])
    }
    let database = Database(configuration)
    try await waitForDatabase {
      try await database.migrate(RuntimeTables.migrations, recordedIn: RuntimeTables.record)
      try await database.migrate(migrations)
    }
    let publisher = try Publisher(kafka, database, log: log, metrics: metrics)
    try await publisher.tendPartitions(now: .now)
    let pushes = PushOutbox(database, pushSender, log: log)
    let transactor = Transactor(database, publisher, pushes)
    let writes = Writes(transactor, ring: keys.atRest, log: log)
    let states = StatePublisher(database, log: log, metrics: metrics)
    transactor.stateShared = { [weak states] in states?.look() }
    return Durable(
      database: database, publisher: publisher, pushes: pushes, writes: writes,
      inbox: Inbox(service: name, transactor, publisher, log: log, metrics: metrics),
      timers: TimerRunner(service: name, transactor, publisher, log: log, metrics: metrics), states: states,
      transactor: transactor)
  }

  /// Repeats `work` while the database cannot be had, as long as patience lasts.
  private func waitForDatabase(_ work: @Loop () async throws -> Void) async throws {
    let deadline = ContinuousClock.now + options.startupPatience
    while true {
      do {
        return try await work()
      } catch let error as PostgresError {
        guard error.passes, ContinuousClock.now < deadline else { throw error }
        log.limited().warning("waiting for PostgreSQL", ["error": "\(error)"])
        try await Loop.sleep(for: .milliseconds(250))
      }
    }
  }

  private func enterCatalogue(_ kafka: KafkaConfiguration) async throws {
    let catalogue = Catalogue(log: log)
    try await catalogue.open(kafka)
    let producer = try Producer(kafka)
    try await catalogue.publish(
      ServiceRecord(service: name, version: version, endpoints: endpoints, events: events, pushes: pushes),
      with: producer)
    try await producer.close(within: .seconds(5))
    await catalogue.close()
  }

  /// Looks after tables that would grow for ever: at once, and then every few minutes.
  private func tend(_ durable: Durable) {
    Loop.task { [self] in
      while state != "ending" {
        do {
          try await durable.publisher.tendPartitions(now: .now)
          while try await Idempotency.forget(in: durable.database) > 0 {}
        } catch {
          log.limited().warning("old records not removed", ["error": "\(error)"])
        }
        try? await Loop.sleep(for: .seconds(300))
      }
    }
  }

  private func fail(_ reason: String) {
    guard failure == nil else { return }
    failure = reason
    failed.fulfil(())
  }

  /// Waits for a signal, or for the end of something without which the process is of no use.
  private func untilAskedToEnd() async -> String {
    Signals.on([SIGTERM, SIGINT]) { [failed] _ in failed.fulfil(()) }
    try? await failed.value
    return failure ?? "asked to end"
  }

  /// Takes nothing new, lets what is under way end, hands out what was made.
  private func drain() async {
    state = "ending"
    guard let parts else { return }
    let limit = options.drainTime
    for repetition in repetitions { await repetition.stop() }
    await activity?.stop(within: limit)
    await parts.durable?.timers.stop(within: limit)
    await parts.durable?.inbox.stop(within: limit)
    await parts.answerer.stop(within: limit)
    await parts.asker?.close()
    await parts.pushes.close()
    await parts.durable?.pushes.stop()
    await parts.durable?.publisher.stop(within: .seconds(5))
    await parts.durable?.states.stop(within: .seconds(2))
    parts.durable?.database.close()
  }
}
