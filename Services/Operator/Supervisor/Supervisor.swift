import EventLoop
import Foundation
import Telemetry

/// Runs the whole mesh on this machine: PostgreSQL, Redis, the broker and every service of the manifest.
///
/// **Life cycle.** `run` takes the lock of the folder, ends what a killed supervisor has left, starts the stores and the
/// broker side by side and then the services, tells that it is ready, and waits until it is asked to end. Then it stops
/// the services, the foundations and the stores, in that order. What dies meanwhile is started again.
///
/// **When it is killed**, the kernel ends its children (see `Launch.commandLine`), and the next `up` makes sure of it.
@Loop final class Supervisor {
  nonisolated static let name = "supervisor"
  /// How long anything may take to become ready.
  static let patience = Duration.seconds(60)

  private let folder: MeshFolder
  private let options: UpOptions
  private let ports: Ports
  /// Held until the supervisor ends.
  private let reservations: [PortReservation]
  /// The ports on which replicas answer their operators, by the replica's name.
  private var opsPorts: [String: PortReservation] = [:]
  private let secrets: Secrets
  private let table: ProcessTable
  private let log: Log
  private let postgres: PostgresCluster
  private let redis: RedisServer
  private let launcher: ServiceLauncher

  private let database: Replica
  private let cache: Replica
  /// The replicas of each service, in the order of their numbers.
  private var replicas: [String: [Replica]] = [:]
  /// Services that a command is changing.
  private var busy: Set<String> = []
  private let askedToEnd = Promise<Void>()
  private var starting: Task<Void, any Error>?
  /// Tells of what happens, as long as somebody watches.
  private let say: @Loop (String) -> Void

  /// Prepares to run what `options` ask for. The folder's lock must be held. Throws `Failure`.
  init(_ folder: MeshFolder, _ options: UpOptions, say: @escaping @Loop (String) -> Void) async throws {
    for (name, count) in options.replicas { try Self.check(name, count) }
    (self.folder, self.options, self.say) = (folder, options, say)
    table = ProcessTable(folder)
    let leftovers = await table.endAll(grace: .seconds(10))
    if !leftovers.isEmpty { say("ended what a killed supervisor had left: \(leftovers.joined(separator: ", "))") }
    (ports, reservations) = try Ports.choose(folder, gateway: options.port)
    secrets = Secrets(folder)
    let own = try LogFile(folder.log(of: Self.name))
    // Lines are written on the thread that empties the pipe: when it is full, a line is given up instead of waited for.
    _ = fcntl(own.input, F_SETFL, O_NONBLOCK)
    let log = Log(service: Self.name, level: .info, format: .pretty, descriptor: own.input)
    self.log = log

    let databaseLog = try LogFile(folder.log(of: PostgresCluster.name))
    postgres = try await PostgresCluster(folder, port: ports.postgres, secrets: secrets, log: databaseLog)
    redis = try RedisServer(folder, port: ports.redis, secrets: secrets)
    launcher = try ServiceLauncher(folder, ports, secrets, postgres)
    let report: @Loop (String) -> Void = { line in
      log.warning(line)
      say(line)
    }
    database = Replica(
      service: PostgresCluster.name, number: nil, log: databaseLog, grace: .seconds(20), table: table, report: report
    ) { [postgres] in postgres.launch }
    cache = Replica(
      service: RedisServer.name, number: nil, log: try LogFile(folder.log(of: RedisServer.name)), grace: .seconds(10),
      table: table, report: report
    ) { [redis] in redis.launch }
  }

  // MARK: Life cycle

  /// Starts everything, tells `ready`, and waits to be asked to end. Throws `Failure` when something does not start;
  /// everything is stopped then as well.
  func run(ready: @escaping @Loop () -> Void) async throws {
    table.add(Self.name, getpid())
    Signals.on([SIGTERM, SIGINT, SIGHUP]) { [self] _ in end() }
    let control = try ControlServer(folder, for: self)
    defer { control.close() }
    let starting = Task { @Loop in try await start() }
    self.starting = starting
    do {
      try await starting.value
      self.starting = nil
      log.info("everything is ready")
      ready()
      try await askedToEnd.value
    } catch {
      // Asked to end while it was starting: that is no failure.
      guard askedToEnd.isSettled else {
        log.error("cannot start: \(error)")
        await stop()
        throw error
      }
    }
    await stop()
  }

  /// Asks to end; asked again, kills whatever is still taking its time.
  func end() {
    guard !askedToEnd.isSettled else {
      for replica in all { replica.kill() }
      return
    }
    askedToEnd.fulfil(())
    starting?.cancel()
  }

  private func start() async throws {
    let services = manifest.filter { $0.stage == .service }
    let needRoles = services.filter { $0.needs.contains(.database) }.map(\.name)
    let foundations: [@Loop @Sendable () async throws -> Void] = manifest.filter { $0.stage == .foundation }
      .map { service in { try await self.startReplicas(of: service) } }
    try await sideBySide([{ try await self.startDatabase(needRoles) }, { try await self.startCache() }] + foundations)
    try await sideBySide(services.map { service in { try await self.startReplicas(of: service) } })
  }

  private func startDatabase(_ roles: [String]) async throws {
    let began = ContinuousClock.now
    let isNew = try await postgres.create()
    await postgres.clearAway()
    database.start()
    try await database.waitUntilReady(within: Self.patience)
    try await postgres.setUp(roles)
    announce(database.name, began, isNew ? "new cluster" : "")
  }

  private func startCache() async throws {
    let began = ContinuousClock.now
    cache.start()
    try await cache.waitUntilReady(within: Self.patience)
    announce(cache.name, began)
  }

  private func startReplicas(of service: Service) async throws {
    let began = ContinuousClock.now
    let count = options.replicas[service.name] ?? service.replicas
    let started = try (0..<count).map { try replica($0, of: service) }
    replicas[service.name] = started
    for replica in started { replica.start() }
    for replica in started { try await replica.waitUntilReady(within: Self.patience) }
    announce(service.name, began, count == 1 ? "" : "\(count) replicas")
  }

  private func announce(_ name: String, _ began: ContinuousClock.Instant, _ remark: String = "") {
    let time = began.duration(to: .now).inMilliseconds
    log.info("ready", ["process": name, "took": time])
    let padding = String(repeating: " ", count: max(0, 14 - name.count) + max(0, 8 - time.count))
    say("  \(name)\(padding)\(time)\(remark.isEmpty ? "" : "  (\(remark))")")
  }

  private func stop() async {
    log.info("ending")
    for stage in [Service.Stage.service, .foundation] {
      let ending = manifest.filter { $0.stage == stage }.flatMap { replicas[$0.name] ?? [] }
      await stopAll(ending)
    }
    await stopAll([cache, database])
    table.remove(getpid())
    log.info("ended")
  }

  // MARK: Replicas

  private var all: [Replica] { [database, cache] + manifest.flatMap { replicas[$0.name] ?? [] } }

  private func replica(_ number: Int, of service: Service) throws -> Replica {
    let name = "\(service.name).\(number)"
    return Replica(
      service: service.name, number: number, log: try LogFile(folder.log(of: name)), grace: service.grace, table: table,
      report: { [log, say] line in
        log.warning(line)
        say(line)
      }
    ) { [unowned self] in try launch(number, of: service) }
  }

  private func launch(_ number: Int, of service: Service) throws -> Launch {
    // Chosen anew for each life: whoever took the port in between does not keep the replica from starting.
    let name = "\(service.name).\(number)"
    opsPorts[name] = nil
    guard let reservation = PortReservation.firstFree(from: 27000, 400) else {
      throw Failure("none of the ports 27000 to 27399 is free for the operators of \(name)")
    }
    opsPorts[name] = reservation
    return try launcher.launch(number, of: service, ops: reservation.port)
  }

  private static func service(_ name: String) throws(Failure) -> Service {
    guard let service = manifest.first(where: { $0.name == name }) else {
      let names = manifest.map(\.name).joined(separator: ", ")
      throw Failure("there is no service '\(name)'", advice: "There are: \(names).", exitCode: ExitCode.usage)
    }
    return service
  }

  private static func check(_ name: String, _ count: Int) throws(Failure) {
    let service = try service(name)
    guard (0...service.maximum).contains(count) else {
      throw Failure(
        "\(name) cannot have \(count) replicas", advice: "It can have up to \(service.maximum).",
        exitCode: ExitCode.usage)
    }
  }

  /// Keeps two commands from changing the same services at once.
  private func changing(_ names: [String], _ body: @Loop () async throws -> Void) async throws {
    guard starting == nil, !askedToEnd.isSettled else {
      throw Failure("the mesh is just starting or ending", advice: "Try again when it has.")
    }
    guard busy.isDisjoint(with: names) else {
      throw Failure("another command is changing \(busy.sorted().joined(separator: ", "))", advice: "Wait for its end.")
    }
    busy.formUnion(names)
    defer { busy.subtract(names) }
    try await body()
  }

  // MARK: Commands

  /// Brings each service to its number of replicas.
  func scale(_ counts: [String: Int], say: @escaping @Loop (String) -> Void) async throws {
    for (name, count) in counts { try Self.check(name, count) }
    try await changing(Array(counts.keys)) {
      for (name, count) in counts.sorted(by: { $0.key < $1.key }) {
        let service = try Self.service(name)
        let running = replicas[name] ?? []
        if count < running.count {
          replicas[name] = Array(running[..<count])
          await stopAll(Array(running[count...]))
          for replica in running[count...] {
            replica.log.close()
            opsPorts[replica.name] = nil
          }
        } else {
          let added = try (running.count..<count).map { try replica($0, of: service) }
          replicas[name] = running + added
          for replica in added { replica.start() }
          for replica in added { try await replica.waitUntilReady(within: Self.patience) }
        }
        say("\(name): \(count) \(count == 1 ? "replica" : "replicas")")
      }
    }
  }

  /// Restarts a service's replicas all at once, one replica (`NAME.N`), or a store.
  func restart(_ name: String, say: @escaping @Loop (String) -> Void) async throws {
    let chosen = all.filter { $0.name == name || $0.service == name }
    guard !chosen.isEmpty else {
      throw Failure(
        "nothing called '\(name)' runs", advice: "There are: \(all.map(\.name).joined(separator: ", ")).",
        exitCode: ExitCode.usage)
    }
    try await changing(Array(Set(chosen.map(\.service)))) {
      try await sideBySide(chosen.map { replica in { try await replica.restart(within: Self.patience) } })
      say("\(name): restarted")
    }
  }

  /// Restarts replicas one after the other, each when the one before is ready: of one service, or of all but the broker.
  func roll(_ name: String?, say: @escaping @Loop (String) -> Void) async throws {
    let services = try name.map { [try Self.service($0)] } ?? manifest.filter { $0.stage == .service }
    guard !services.isEmpty else { return say("there is nothing to roll") }
    try await changing(services.map(\.name)) {
      for replica in services.flatMap({ replicas[$0.name] ?? [] }) {
        let began = ContinuousClock.now
        try await replica.restart(within: Self.patience)
        say("\(replica.name): ready after \(began.duration(to: .now).inMilliseconds)")
      }
    }
  }

  /// Everything that runs, and whether it is ready.
  func status() async -> MeshStatus {
    var services: [MeshStatus.Replica] = []
    for replica in manifest.flatMap({ replicas[$0.name] ?? [] }) {
      services.append(
        MeshStatus.Replica(
          service: replica.service, replica: replica.number, pid: replica.child?.pid,
          ready: await replica.checkReady(), opsUrl: replica.current?.ops.map { "http://\($0)" },
          rssAnonBytes: replica.child.flatMap { ProcessFacts.anonymousMemory($0.pid) }))
    }
    return MeshStatus(
      services: services, postgres: .init(pid: database.child?.pid, ready: await database.checkReady()),
      redis: .init(pid: cache.child?.pid, ready: await cache.checkReady()), isStarting: starting != nil)
  }
}

/// Does all jobs at the same time. The first failure cancels the others, and is thrown when they have ended too.
@Loop private func sideBySide(_ jobs: [@Loop @Sendable () async throws -> Void]) async throws {
  try await withThrowingTaskGroup(of: Void.self) { group in
    for job in jobs { group.addTask { try await job() } }
    try await group.waitForAll()
  }
}

/// Ends all of them at the same time.
@Loop private func stopAll(_ replicas: [Replica]) async {
  await withTaskGroup(of: Void.self) { group in
    for replica in replicas { group.addTask { await replica.stop() } }
  }
}
