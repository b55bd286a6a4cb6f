import EventLoop
import Glibc
import HTTP
import Telemetry
import Wire

/// A durable single-node broker that speaks the Kafka protocol: the one owner of all state.
///
/// **Overview.** `Connection` turns bytes into requests, `Keys/` answers them one kind a file, `Log/` keeps records,
/// `Group/` keeps consumer groups. Records are visible as soon as they are written; `acks=all` and committed offsets are
/// answered when they are on disk (`FlushLoop`). A waiting fetch is woken by the produce that it waits for.
///
/// **Concurrency.** Everything is `@Loop`: one thread, no locks. Only waiting for the disk, compaction and removing
/// files happen on background threads, as jobs that are values.
///
/// **Not offered**, since nothing here needs it: transactions, SASL and TLS, several nodes, fetch sessions. Whoever
/// outgrows one machine points `KAFKA_BROKERS` at Apache Kafka; the same tests judge both (`Tests/Conformance`).
@Loop final class Broker: Flushable {
  /// What a client may take of this process, in bytes.
  struct Limits {
    /// One request.
    let requestBytes: Int
    /// Requests that have not come whole, over all connections.
    let heldBytes: Int
    /// Answers that one client has not taken; beyond, it is not read any more.
    let outputBytes = 8 << 20
  }

  let nodeID: Int32
  let clusterID = "skillmesh"
  let limits: Limits
  let log: Log
  let metrics = BrokerMetrics()
  let folder: DataFolder
  let topics: Topics
  let coordinator: Coordinator
  let maintenance: Maintenance
  var heldBytes = 0
  private let options: BrokerOptions
  private let flushes: FlushLoop
  private let pool: BackgroundPool
  private var listener: Listener?
  private var operations: OperationsServer?
  private var connections: [ObjectIdentifier: Connection] = [:]
  private var woken: [ParkedFetch] = []
  private var idleTimer: LoopTimer?

  /// Opens the data folder and recovers what is in it. Throws `LogError`.
  init(_ options: BrokerOptions, _ log: Log) throws(LogError) {
    (self.options, self.log) = (options, log)
    nodeID = Int32(options.nodeID)
    limits = Limits(requestBytes: options.maxRequestBytes.bytes, heldBytes: options.maxHeldBytes.bytes)
    let start = ContinuousClock.now
    var settings = LogSettings()
    settings.flush = FlushPolicy(options)
    folder = try DataFolder(path: options.data, settings: settings, now: Moment.now.unixMilliseconds) { notice in
      log.log(notice)
    }
    pool = BackgroundPool(threads: 2)
    flushes = FlushLoop(folder.flusher, BackgroundPool(threads: 1))
    topics = Topics(folder, options, flushes, log)
    if topics[Coordinator.topic] == nil {
      try topics.create(Coordinator.topic, partitions: 1, overrides: Coordinator.config)
    }
    guard let groups = topics.partition(Coordinator.topic, 0) else {
      throw LogError(.folderUnusable, "\(options.data) has a topic \(Coordinator.topic) without partitions")
    }
    var groupLimits = GroupLimits()
    groupLimits.initialRebalanceDelay = options.groupInitialDelay
    groupLimits.offsetsRetention = options.offsetsRetention
    coordinator = try Coordinator(log: groups, limits: groupLimits, notices: log)
    maintenance = Maintenance(folder, pool, log)
    flushes.flushed = { [unowned self] log in topics.partition(log.topic, log.partition)?.flushed() }
    log.info(
      "data folder opened",
      [
        "data": options.data, "clean": folder.wasClean, "topics": topics.names.count,
        "bytes": topics.all.flatMap(\.partitions).reduce(0) { $0 + $1.log.size }, "took": ContinuousClock.now - start,
      ])
  }

  /// Serves until the process is asked to end, then stops cleanly. Throws `SocketError` when a port cannot be had.
  func run() async throws {
    let signal = try await Signals.termination(after: start)
    log.info("stopping", ["signal": signal == SIGTERM ? "SIGTERM" : "SIGINT"])
    await stop()
  }

  /// Where clients connect, while the broker serves.
  var address: SocketAddress? { listener?.address }

  /// Opens the ports. Throws `SocketError` when one cannot be had.
  func start() throws(SocketError) {
    let operations = try OperationsServer(
      on: SocketAddress(host: options.ops.host, port: options.ops.port),
      unready: { [unowned self] in self.listener == nil ? "starting or stopping" : nil },
      metrics: { [unowned self] in metrics.render(self) })
    let listener = try Listener(on: SocketAddress(host: options.listen.host, port: options.listen.port)) {
      [unowned self] in accept($0)
    }
    self.listener = listener
    if !listener.address.isLoopback {
      log.warning(
        "clients on other machines can connect, and whoever connects may do everything", ["listen": listener.address])
    }
    log.info("ready", ["listen": listener.address, "ops": operations.address, "flush": options.flush.rawValue])
    self.operations = operations
    closeIdle()
    maintenance.start()
    // What the recovery found beyond the last flush is brought to the disk now.
    flushes.wanted(byWaiter: false)
  }

  /// Takes no more requests, answers those that wait for the disk, and leaves the folder so that the next start is fast.
  func stop() async {
    listener?.close()
    listener = nil
    idleTimer?.cancel()
    for connection in connections.values { connection.stopReading() }
    await maintenance.stop()
    await flushes.drain()
    // One more turn, in which the answers leave.
    try? await Loop.sleep(for: .milliseconds(5))
    for connection in connections.values { connection.close() }
    let isClean = !folder.flusher.isBusy && folder.close(now: Moment.now.unixMilliseconds)
    operations?.stop()
    if !isClean { log.error("not everything reached the disk; the next start will check the logs") }
  }

  // MARK: Connections

  private func accept(_ socket: Socket) {
    guard connections.count < options.maxConnections else {
      log.limited().warning("refused a connection", ["limit": options.maxConnections])
      return socket.close()
    }
    let connection = Connection(socket, self)
    connections[ObjectIdentifier(connection)] = connection
    metrics.connections.set(connections.count)
  }

  /// A connection is gone.
  func forget(_ connection: Connection) {
    connections[ObjectIdentifier(connection)] = nil
    metrics.connections.set(connections.count)
  }

  private func closeIdle() {
    let latest = Loop.now.advanced(by: .zero - options.idleTimeout)
    for connection in connections.values where connection.isIdle && connection.lastRequest < latest {
      connection.close()
    }
    idleTimer = Loop.schedule(after: min(options.idleTimeout / 4, .seconds(60))) { [unowned self] in closeIdle() }
  }

  /// Where the client of `connection` reaches this broker.
  func advertised(to connection: Connection) -> HostPort {
    options.advertise ?? connection.local ?? options.listen
  }

  // MARK: Fetches

  /// Looks at a woken fetch when the turn ends.
  func look(at fetch: ParkedFetch) {
    if woken.isEmpty { Loop.flushAtEndOfTurn(self) }
    woken.append(fetch)
  }

  /// Called by the loop at the end of a turn.
  func flush() {
    let looked = woken
    woken.removeAll(keepingCapacity: true)
    for fetch in looked { fetch.lookAgain() }
  }

  // MARK: Administration

  /// Deletes a topic with all its records and the offsets committed in it.
  func delete(_ topic: String) throws(LogError) {
    maintenance.remove(try topics.delete(topic))
    coordinator.topicDeleted(topic)
  }

  /// The settings that clients may ask for, under the names they have in Apache Kafka.
  var settings: [(name: String, value: String)] {
    [
      ("auto.create.topics.enable", String(options.autoCreate)), ("log.cleanup.policy", "delete"),
      ("log.retention.ms", String(options.retention.milliseconds)),
      ("num.partitions", String(options.defaultPartitions)),
      ("message.max.bytes", String(TopicConfig().maxMessageBytes)),
      ("offsets.retention.minutes", String(options.offsetsRetention.milliseconds / 60_000)),
    ]
  }
}

extension FlushPolicy {
  fileprivate init(_ options: BrokerOptions) {
    switch options.flush {
    case .interval: self = .interval(options.flushInterval)
    case .always: self = .always
    case .none: self = .none
    }
  }
}

extension Log {
  /// What the data folder reports: damage loudly, the ordinary marks of a crash quietly.
  fileprivate func log(_ notice: LogNotice) {
    switch notice {
    case .tailCut: warning(notice.description)
    case .writeFailed: limited().warning(notice.description)
    case .damaged, .unreadable, .syncFailed, .missingPartition, .compactionFailed: error(notice.description)
    }
  }
}

extension KafkaError {
  /// What the log refused, as the protocol says it.
  init(_ error: LogError) { self = KafkaError(rawValue: error.kafkaCode) ?? .unknownServerError }
}
