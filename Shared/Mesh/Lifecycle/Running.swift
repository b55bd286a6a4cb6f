import Contract
import EventLoop
import HTTP
import Kafka
import Postgres
import Telemetry

/// The process around a service: what it waits for, in which order it begins, and how it ends.
extension MeshService {
  /// Runs the service until the process is asked to end; returns the exit status. `describe` says what it does.
  public func run(_ describe: @Loop (MeshService) async throws -> Void) async -> CInt {
    let signal: String
    do {
      let page = try OperationsServer(
        on: SocketAddress(host: options.ops.host, port: options.ops.port), ill: { self.failure },
        unready: { self.unreadiness }, metrics: { self.metrics.render() })
      log.info("starting", ["ops": page.address])
      signal = try await untilAskedToEnd { try await start(describe) }
    } catch {
      log.error("cannot start: \(error)")
      return 1
    }
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
    let producer = try Producer.ofPassing(kafka)
    let answerer = Answerer(service: name, producer, keys: keys, log: log, metrics: metrics)
    let asker = options.peers == nil ? nil : try Asker(kafka, keys: keys, log: log, metrics: metrics)
    let pushes = PushSender(source: name, producer, keys: keys, log: log, metrics: metrics)
    let durable: Durable? = if let migrations { try await openDatabase(migrations, kafka, pushes) } else { nil }
    parts = Parts(producer: producer, answerer: answerer, asker: asker, pushes: pushes, durable: durable)

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

  /// Runs `start`, and waits for a signal, or for the end of something without which the process is of no use.
  private func untilAskedToEnd(after start: @Loop () async throws -> Void) async rethrows -> String {
    try await Signals.onTermination(after: start) { [failed] _ in failed.fulfil(()) }
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
    do {
      try await parts.producer.close(within: .seconds(2))
    } catch {
      log.warning("some answers and pushes were not delivered; they will be given again", ["error": "\(error)"])
    }
    await parts.durable?.pushes.stop()
    await parts.durable?.publisher.stop(within: .seconds(5))
    await parts.durable?.states.stop(within: .seconds(2))
    parts.durable?.database.close()
  }
}
