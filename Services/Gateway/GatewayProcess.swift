import Contract
import EventLoop
import Glibc
import HTTP
import Mesh
import Storage
import Telemetry
import Wire

/// A gateway: the one public door of the mesh, and the owner of all that lives in its process.
///
/// **Overview.** `Edge` checks requests and asks services through Kafka (`Asker`). What it needs to know comes from
/// compacted topics: the services' routes from the catalogue (`RouteTable`), keys and revocations from identity
/// (`IdentityFeed`). Sockets branch off in `serve`, before `Edge`, to the realtime side (`RealtimeSide`).
///
/// **Concurrency.** Everything is `@Loop`: one thread, no locks. More power is more gateways: they share the port
/// (`SO_REUSEPORT`), or stand behind one balancer, and share nothing else.
///
/// **Life cycle.** The public port opens when the tables have been read whole, so a gateway that does not know the routes
/// takes no connections from one that does. Asked to end, it stops accepting, finishes what is under way, and goes.
@Loop final class GatewayProcess {
  private let options: GatewayOptions
  private let log: Log
  private let asker: Asker
  private let catalogue: Catalogue
  private let tables: CompactedTopics
  private let edge: Edge
  private let realtime: RealtimeSide
  private let uploads: Uploads
  private let metrics = Metrics()
  private var server: HTTPServer?
  private var operations: OperationsServer?
  private var purgeTimer: LoopTimer?
  private var isDraining = false

  private static let purgeInterval = Duration.seconds(60)

  /// Puts the parts together; nothing is opened yet. Throws `KafkaError` for a configuration that is at fault.
  init(_ options: GatewayOptions, _ log: Log) throws {
    (self.options, self.log) = (options, log)
    let kafka = try options.kafka.configuration(clientID: options.name, log: log)
    let asker = try Asker(kafka, keys: .root(options.rootKey.exposed.ring), log: log, metrics: metrics)
    let routes = RouteTable(
      reserved: Pages.reserved.union([Media.reserved]), own: try SocketAuthorization.record(), metrics: metrics,
      log: log)
    let storage = options.storage.open { .now }
    uploads = Uploads(to: storage, by: options.spool, limit: options.maxUploads, log: log)
    let keys = MeshKeys.root(options.rootKey.exposed.ring)
    let media = Media(storage) { keys.signingMedia(of: $0) }
    let edge = Edge(
      Edge.Options(options), routes: routes, pages: Pages(), metrics: EdgeMetrics(metrics), log: log, uploads: uploads,
      media: media,
      ask: { asker.ask($0, completion: $1) })
    let realtime = try RealtimeSide(options, edge: edge, log: log, metrics: metrics)
    let feed = IdentityFeed(edge: edge, log: log)
    tables = CompactedTopics(
      kafka,
      [
        IdentityFeed.keys: { feed.apply(key: $0, $1) },
        IdentityFeed.revocations: { subject, value in
          feed.apply(revocation: subject, value)
          realtime.realtime.revoked(subject)
        },
        RealtimeSide.hidden: { realtime.apply(hidden: $0, $1) },
      ], log: log)
    catalogue = Catalogue(log: log)
    (self.asker, self.edge, self.realtime) = (asker, edge, realtime)
  }

  /// Where clients connect, while the gateway serves.
  var address: SocketAddress? { server?.address }

  /// Serves until the process is asked to end, then stops cleanly.
  ///
  /// Throws `SocketError` when a port cannot be had, and `KafkaError` when Kafka is not there in time.
  func run() async throws {
    let signal = try await Signals.termination(after: start)
    log.info("draining", ["signal": signal == SIGTERM ? "SIGTERM" : "SIGINT"])
    await stop()
  }

  /// Returns when clients can connect.
  func start() async throws {
    operations = try OperationsServer(
      on: SocketAddress(host: options.ops.host, port: options.ops.port),
      unready: { [unowned self] in unreadiness }, metrics: { [unowned self] in render() })
    let kafka = try options.kafka.configuration(clientID: options.name, log: log)
    try await MeshTopics.create(
      compacted: [IdentityFeed.keys, IdentityFeed.revocations, RealtimeSide.hidden], at: kafka,
      within: options.startupPatience)
    try await asker.start()
    try await catalogue.open(kafka)
    learnRoutes()
    catalogue.changed = { [unowned self] service in
      log.info("the catalogue has changed", ["about": service])
      learnRoutes()
    }
    try await tables.start()
    try realtime.start(options, log: log)
    try serve()
    purge()
    uploads.startSweeping()
    log.info(
      "serving",
      ["address": "\(options.listen)", "endpoints": edge.routes.endpoints.count, "keys": edge.tokens.keyCount])
  }

  private func learnRoutes() {
    edge.routes.replace(with: catalogue.records)
    realtime.learn(catalogue.records)
  }

  private func serve() throws(SocketError) {
    var limits = HTTPServer.Limits()
    limits.connections = options.maxConnections
    limits.body = BodyCheck.limit
    let server = try HTTPServer(
      on: SocketAddress(host: options.listen.host, port: options.listen.port), sharingPort: true, limits: limits
    ) { [edge, realtime] request in
      if !realtime.take(request) { edge.handle(request) }
    }
    server.problem = { [edge] in edge.answer(to: $0) }
    server.failed = { [log] error in log.limited().error("a request failed", ["error": "\(error)"]) }
    self.server = server
  }

  /// Stops accepting, answers what is under way, and ends.
  func stop() async {
    isDraining = true
    purgeTimer?.cancel()
    let farewell = Loop.task { [realtime, options] in await realtime.drain(within: options.drainTime) }
    uploads.stop()
    await server?.drain(within: options.drainTime)
    await farewell.value
    await realtime.close()
    await tables.close()
    await catalogue.close()
    await asker.close()
    operations?.stop()
  }

  private func purge() {
    edge.tokens.purge(now: .now)
    purgeTimer = Loop.schedule(after: Self.purgeInterval) { [weak self] in self?.purge() }
  }

  private var unreadiness: String? {
    if isDraining { return "draining" }
    return server == nil ? "reading the catalogue, the keys and the revocations" : nil
  }

  private func render() -> [UInt8] {
    realtime.count()
    return edge.metrics.render(edge.tokens, connections: server?.connectionCount ?? 0, refusals: server?.refusals ?? 0)
  }
}
