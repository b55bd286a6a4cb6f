import Contract
import Crypto
import EventLoop
import HTTP
import Mesh
import Redis
import Telemetry
import Wire

/// All of a gateway's realtime side: its parts, and their life.
///
/// **Life cycle.** `start` needs no Redis: whatever does waits for it. `drain` sends the clients away, spread over seconds,
/// while this gateway goes on carrying pushes; `close` ends the rest.
@Loop final class RealtimeSide {
  /// The topic with the members whom nobody may see: what presence tells every gateway.
  nonisolated static let hidden = "presence.hidden"

  let realtime: Realtime
  let pusher: Pusher
  let socketIO: SocketIO
  private let redis: RedisClient
  private let signIn: SocketSignIn
  private let authorization: SocketAuthorization
  private let activity: ActivitySender
  private let pump: Pump
  private let feed: PushFeed
  private let metrics: RealtimeMetrics

  /// Puts the parts together. Throws `KafkaError` or `RedisError` for a configuration that is at fault.
  init(_ options: GatewayOptions, edge: Edge, log: Log, metrics all: Metrics) throws {
    let kafka = try options.kafka.configuration(clientID: options.name, log: log)
    var random = SystemRandomNumberGenerator()
    let gateway = random.next() as UInt64
    let root = options.rootKey.exposed.ring
    let configuration = try RedisConfiguration(url: options.redisURL.exposed.text, clientName: options.name)
    metrics = RealtimeMetrics(all)
    redis = RedisClient(configuration)
    let scale = options.presenceTimeScale
    activity = try ActivitySender(
      kafka, gateway: UniqueID(at: .now), pulse: .seconds(10) * max(scale, 0.1), log: log, metrics: all)
    let hub = Hub(
      configuration, redis, ChannelSeal(root: root), gateway: gateway, log: log, metrics: metrics)
    let signatures = PusherSignatures(secret: options.pusherSecret?.exposed, root: root)
    var bounds = Realtime.Options()
    bounds.connections = options.maxSockets
    bounds.connectionsOfMember = options.maxSocketsOfMember
    realtime = Realtime(
      bounds, gateway: gateway, hub: hub, ask: edge.ask,
      activity: DeviceActivity(scale: scale) { [activity] in activity.note($0) },
      revocations: { edge.tokens.revocations }, traces: edge.traces, log: log, metrics: metrics)
    signIn = SocketSignIn(realtime, redis, root: root, log: log)
    authorization = SocketAuthorization(realtime: realtime, signIn: signIn, signatures: signatures)
    pusher = Pusher(realtime, signatures)
    var engine = EngineIOServer.Options()
    engine.sessions = options.maxSockets
    socketIO = SocketIO(
      realtime, engine, crossOrigin: edge.options.crossOrigin
    ) { [unowned edge] token throws(Rejection) in
      try edge.tokens.signedIn(holding: token, now: .now)
    }
    pump = Pump(hub, log: log, metrics: metrics)
    feed = PushFeed(keys: .root(root), log: log, metrics: all) { [pump] in await pump.carry($0) }
    edge.noticed = { [realtime] in realtime.activity.requested($0, $1) }
    edge.own[AuthorizeSocket.name] = { [authorization, unowned edge] exchange, body in
      do throws(Rejection) {
        return await authorization.answer(body, from: try edge.signedIn(exchange))
      } catch {
        return Answer(error.problem)
      }
    }
  }

  /// Begins. Throws `KafkaError` when the pushes cannot be read.
  func start(_ options: GatewayOptions, log: Log) throws {
    realtime.hub.start(mail: SocketSignIn.topic(of: realtime.gateway)) { [signIn] in signIn.receive($0) }
    realtime.start()
    activity.start()
    let kafka = try options.kafka.configuration(clientID: options.name, log: log)
    // A gateway that nobody has numbered is a member of the group for as long as it lives, and no longer.
    try feed.start(kafka, instance: options.replica == nil ? nil : options.name)
  }

  /// Takes what the catalogue says.
  func learn(_ services: [String: ServiceRecord]) { realtime.admission.endpoints = SocketEndpoints(services) }

  /// Takes a record of `presence.hidden`.
  func apply(hidden member: String, _ value: [UInt8]?) {
    if let member = MemberID(member) { realtime.hub.setHidden(value != nil, member) }
  }

  /// Takes a request of one of the dialects; false when it is for somebody else.
  func take(_ request: HTTPRequest) -> Bool {
    request.head.framing.wantsUpgrade && pusher.take(request) || socketIO.take(request)
  }

  /// Sends the clients away.
  func drain(within limit: Duration) async {
    realtime.drain()
    async let farewell: Void = pusher.drain(within: limit)
    await socketIO.drain(within: limit)
    await farewell
  }

  /// Ends the rest.
  func close() async {
    await feed.stop(within: .seconds(2))
    pump.close()
    await activity.close()
    realtime.close()
    redis.close()
  }

  /// Brings up to date what is counted elsewhere.
  func count() {
    metrics.slow.add(pusher.sockets.slowClients + socketIO.engine.slowClients - metrics.slow.value)
  }
}
