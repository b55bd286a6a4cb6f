import Mesh
import Storage
import Telemetry

/// Everything an operator can set.
struct GatewayOptions: Options {
  static let program = "gateway"
  static let about = "The public door of the mesh: REST in, topics out."

  @Option("listen", env: "GATEWAY_LISTEN", help: "Where clients connect. Several gateways may share one port.")
  var listen: HostPort = "127.0.0.1:8080"

  @Option(
    "ops", env: "OPS_ADDRESS", help: "Where /healthz, /readyz and /metrics are served; port 0 chooses a free one.")
  var ops: HostPort = "127.0.0.1:0"

  @Option("replica", env: "REPLICA", help: "The number of this gateway, which no other has at the same time.")
  var replica: Int? = nil

  let kafka = KafkaOptions()

  @Option("redis-url", env: "REDIS_URL", help: "Where Redis is: redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE].")
  var redisURL: Secret<ServiceURL> = Secret(ServiceURL(option: "redis://127.0.0.1:6379")!)

  @Option(
    "root-key", env: "MESH_ROOT_KEY",
    help: "The key that all keys of the mesh come from: ID:HEX, older ones after a comma.")
  var rootKey: Secret<KeyRingText>

  @Option(
    "origins", env: "GATEWAY_ORIGINS", help: "Web sites whose pages may read answers in a browser, beside our own.")
  var origins: [WebOrigin]? = nil

  @Option(
    "trusted-proxies", env: "GATEWAY_TRUSTED_PROXIES",
    help: "Proxies in front of the gateway whose X-Forwarded-For and X-Forwarded-Proto are believed.")
  var trustedProxies: [Network]? = nil

  @Option(
    "rate-limit-scale", env: "RATE_LIMIT_SCALE", in: 0.001...1_000_000,
    help: "Multiplies how often callers may ask; for tests and benchmarks.")
  var rateLimitScale: Double = 1

  @Option(
    "deadline", env: "GATEWAY_DEADLINE", in: .milliseconds(100)...Duration.seconds(60),
    help: "How long a client is kept waiting.")
  var deadline: Duration = .seconds(15)

  @Option(
    "startup-patience", env: "STARTUP_PATIENCE", in: .seconds(1)...Duration.seconds(3600),
    help: "How long to wait for Kafka to be there.")
  var startupPatience: Duration = .seconds(60)

  @Option(
    "max-in-flight", env: "GATEWAY_MAX_IN_FLIGHT", in: 16...1_000_000,
    help: "Requests that may wait for services; beyond, they are refused. One service may have a quarter of them.")
  var maxInFlight: Int = 8_192

  @Option("max-connections", env: "GATEWAY_MAX_CONNECTIONS", in: 16...1_000_000, help: "Clients that may be connected.")
  var maxConnections: Int = 60_000

  @Option(
    "max-sockets", env: "GATEWAY_MAX_SOCKETS", in: 1...1_000_000, help: "Realtime clients that may be connected.")
  var maxSockets: Int = 50_000

  @Option(
    "max-sockets-of-member", env: "GATEWAY_MAX_SOCKETS_OF_MEMBER", in: 1...1_000_000,
    help: "Realtime clients of one member that may be connected to one gateway.")
  var maxSocketsOfMember: Int = 100

  @Option(
    "pusher-secret", env: "PUSHER_SECRET",
    help: "What channel authorisations are signed with, at all gateways alike; by default made of the root key.")
  var pusherSecret: Secret<String>? = nil

  @Option(
    "presence-time-scale", env: "PRESENCE_TIME_SCALE", in: 0...100,
    help: "Multiplies the times after which presence is told again that somebody is there; for tests and benchmarks.")
  var presenceTimeScale: Double = 1

  @Option("token-cache", env: "GATEWAY_TOKEN_CACHE", in: 2...10_000_000, help: "Access tokens that are remembered.")
  var tokenCache: Int = 50_000

  @Option(
    "drain-time", env: "DRAIN_TIME", in: .seconds(1)...Duration.seconds(300),
    help: "How long requests under way may take when the gateway is asked to end.")
  var drainTime: Duration = .seconds(16)

  let storage = StorageOptions()

  @Option(
    "spool", env: "GATEWAY_SPOOL", help: "Folder on disk where files are collected while they are being uploaded.")
  var spool: String = "/var/tmp"

  @Option("max-uploads", env: "GATEWAY_MAX_UPLOADS", in: 1...10_000, help: "Files that may be on their way at once.")
  var maxUploads: Int = 64

  @Option(
    "trace-limit", env: "TRACE_LIMIT", in: 0...1_000_000,
    help: "Of how many requests a second the steps are logged, where clients ask for it by traceparent; 0 for none.")
  var traceLimit: Int = 100

  let logs = LogOptions()
}

extension GatewayOptions {
  /// What Kafka and Redis know this gateway by.
  var name: String { replica.map { "gateway-\($0)" } ?? "gateway" }
}

extension Edge.Options {
  /// The rules that an operator has set.
  init(_ options: GatewayOptions) {
    inFlightLimit = options.maxInFlight
    inFlightLimitOfService = max(1, options.maxInFlight / 4)
    deadline = options.deadline
    rateScale = options.rateLimitScale
    proxies = TrustedProxies(networks: options.trustedProxies ?? [])
    crossOrigin = CrossOrigin(options.origins ?? [])
    tokenCacheCapacity = options.tokenCache
    tracesPerSecond = options.traceLimit
  }
}
