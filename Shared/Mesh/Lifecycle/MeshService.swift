public import Contract
public import Crypto
public import EventLoop
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

  let version: Int
  let options: MeshOptions
  let migrations: [Migration]?
  let keys: MeshKeys
  var parts: Parts?
  private(set) var endpoints: [EndpointRecord] = []
  private(set) var events: [EventRecord] = []
  private(set) var pushes: [PushRecord] = []
  var repetitions: [Repetition] = []
  private(set) var activity: ActivityFeed?
  /// The endpoints for which leave to send files is given.
  private(set) var tickets: Set<String> = []
  var state = "starting"
  var failure: String?
  let failed = Promise<Void>()

  /// What runs.
  struct Parts {
    /// What sends answers and pushes.
    let producer: Producer
    let answerer: Answerer
    let asker: Asker?
    let pushes: PushSender
    let durable: Durable?
  }

  /// What runs on PostgreSQL.
  struct Durable {
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

  // MARK: Behind it

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
}
