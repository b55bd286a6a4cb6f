import Contract
import EventLoop
import Glibc
import HTTP
import Mesh
import Telemetry
import Wire

/// A gateway: the one public door of the mesh, and the owner of all that lives in its process.
///
/// **Overview.** `Edge` checks requests and asks services through Kafka (`Asker`). What it needs to know comes from
/// compacted topics: the services' routes from the catalogue (`RouteTable`), keys and revocations from identity
/// (`IdentityFeed`). Realtime connections will branch off in `serve`, before `Edge`.
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
  private let identity: CompactedTopics
  private let edge: Edge
  private let metrics = Metrics()
  private var server: HTTPServer?
  private var operations: OperationsServer?
  private var purgeTimer: LoopTimer?
  private var isDraining = false

  private static let purgeInterval = Duration.seconds(60)

  /// Puts the parts together; nothing is opened yet. Throws `KafkaError` for a configuration that is at fault.
  init(_ options: GatewayOptions, _ log: Log) throws {
    (self.options, self.log) = (options, log)
    let kafka = try options.kafka.configuration(clientID: Self.clientID(options), log: log)
    let asker = try Asker(kafka, keys: .root(options.rootKey.exposed.ring), log: log, metrics: metrics)
    let routes = RouteTable(reserved: Pages.reserved, metrics: metrics, log: log)
    let edge = Edge(
      Edge.Options(options), routes: routes, pages: Pages(), metrics: EdgeMetrics(metrics), log: log,
      ask: { asker.ask($0, completion: $1) })
    let feed = IdentityFeed(edge: edge, log: log)
    identity = CompactedTopics(
      kafka,
      [
        IdentityFeed.keys: { feed.apply(key: $0, $1) },
        IdentityFeed.revocations: { feed.apply(revocation: $0, $1) },
      ], log: log)
    catalogue = Catalogue(log: log)
    (self.asker, self.edge) = (asker, edge)
  }

  /// Where clients connect, while the gateway serves.
  var address: SocketAddress? { server?.address }

  /// Serves until the process is asked to end, then stops cleanly.
  ///
  /// Throws `SocketError` when a port cannot be had, and `KafkaError` when Kafka is not there in time.
  func run() async throws {
    try await start()
    let signal = await Signals.termination()
    log.info("draining", ["signal": signal == SIGTERM ? "SIGTERM" : "SIGINT"])
    await stop()
  }

  /// Returns when clients can connect.
  func start() async throws {
    operations = try OperationsServer(
      on: SocketAddress(host: options.ops.host, port: options.ops.port),
      unready: { [unowned self] in unreadiness }, metrics: { [unowned self] in render() })
    let kafka = try options.kafka.configuration(clientID: Self.clientID(options), log: log)
    try await MeshTopics.create(
      compacted: [IdentityFeed.keys, IdentityFeed.revocations], at: kafka, within: options.startupPatience)
    try await asker.start()
    try await catalogue.open(kafka)
    learnRoutes()
    catalogue.changed = { [unowned self] service in
      log.info("the catalogue has changed", ["about": service])
      learnRoutes()
    }
    try await identity.start()
    try serve()
    purge()
    log.info(
      "serving",
      ["address": "\(options.listen)", "endpoints": edge.routes.endpoints.count, "keys": edge.tokens.keyCount])
  }

  private static func clientID(_ options: GatewayOptions) -> String { "gateway-\(options.replica)" }

  private func learnRoutes() { edge.routes.replace(with: catalogue.records) }

  private func serve() throws(SocketError) {
    var limits = HTTPServer.Limits()
    limits.connections = options.maxConnections
    limits.body = BodyCheck.limit
    let server = try HTTPServer(
      on: SocketAddress(host: options.listen.host, port: options.listen.port), sharingPort: true, limits: limits
    ) { [edge] request in edge.handle(request) }
    server.problem = { [edge] in edge.answer(to: $0) }
    server.failed = { [log] error in log.limited().error("a request failed", ["error": "\(error)"]) }
    self.server = server
  }

  /// Stops accepting, answers what is under way, and ends.
  func stop() async {
    isDraining = true
    purgeTimer?.cancel()
    await server?.drain(within: options.drainTime)
    await identity.close()
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
    edge.metrics.render(edge.tokens, connections: server?.connectionCount ?? 0, refusals: server?.refusals ?? 0)
  }
}
