import Telemetry

/// Everything an operator can set.
struct BrokerOptions: Options {
  static let program = "broker"
  static let about = "A durable single-node broker that speaks the Kafka protocol."

  @Option("data", env: "BROKER_DATA", help: "Folder of the logs; made if it does not exist, locked while in use.")
  var data: String

  @Option("listen", env: "BROKER_LISTEN", help: "Where clients connect. Whoever can connect may do everything.")
  var listen: HostPort = "127.0.0.1:9092"

  @Option(
    "advertise", env: "BROKER_ADVERTISE", help: "The address that clients are told; by default where they connect.")
  var advertise: HostPort? = nil

  @Option("ops", env: "BROKER_OPS", help: "Where /healthz, /readyz and /metrics are served.")
  var ops: HostPort = "127.0.0.1:9644"

  @Option(
    "node-id", env: "BROKER_NODE_ID", in: 0...Int(Int32.max), help: "The number by which clients know this broker.")
  var nodeID: Int = 1

  @Option(
    "flush", env: "BROKER_FLUSH", help: "When records reach the disk: gathered, one by one, or left to the system.")
  var flush: FlushMode = .interval

  @Option(
    "flush-interval", env: "BROKER_FLUSH_INTERVAL", in: .microseconds(100)...Duration.seconds(60),
    help: "With --flush interval: how long a record may wait for the disk if nobody waits for it (acks=1).")
  var flushInterval: Duration = .seconds(1)

  @Option("auto-create", env: "BROKER_AUTO_CREATE", help: "Create a topic when a client first asks for it.")
  var autoCreate: Bool = false

  @Option(
    "default-partitions", env: "BROKER_DEFAULT_PARTITIONS", in: 1...10_000,
    help: "Partitions of a topic whose creator does not say.")
  var defaultPartitions: Int = 1

  @Option("retention", env: "BROKER_RETENTION", help: "How long records are kept where the topic does not say.")
  var retention: Duration = .seconds(7 * 24 * 3600)

  @Option(
    "group-initial-delay", env: "BROKER_GROUP_INITIAL_DELAY", in: .zero...Duration.seconds(60),
    help: "How long a new group waits for more members before its first rebalance.")
  var groupInitialDelay: Duration = .milliseconds(100)

  @Option(
    "offsets-retention", env: "BROKER_OFFSETS_RETENTION", in: .seconds(60)...Duration.seconds(365 * 24 * 3600),
    help: "How long the committed offsets of an empty group are kept.")
  var offsetsRetention: Duration = .seconds(7 * 24 * 3600)

  @Option(
    "max-request-bytes", env: "BROKER_MAX_REQUEST_BYTES", in: ByteSize.kibibytes(16)...ByteSize.mebibytes(1024),
    help: "The longest request; a longer one ends its connection.")
  var maxRequestBytes: ByteSize = .mebibytes(100)

  @Option(
    "max-held-bytes", env: "BROKER_MAX_HELD_BYTES", in: ByteSize.mebibytes(1)...ByteSize.mebibytes(65_536),
    help: "Bytes of requests that have not come whole, over all connections; beyond, the latest is closed.")
  var maxHeldBytes: ByteSize = .mebibytes(256)

  @Option(
    "max-connections", env: "BROKER_MAX_CONNECTIONS", in: 1...1_000_000,
    help: "Clients that may be connected at once; more are closed at once.")
  var maxConnections: Int = 4096

  @Option(
    "idle-timeout", env: "BROKER_IDLE_TIMEOUT", in: .seconds(1)...Duration.seconds(24 * 3600),
    help: "A connection without a request for this long is closed.")
  var idleTimeout: Duration = .seconds(600)

  let logs = LogOptions()
}

/// When records reach the disk.
enum FlushMode: String, CaseIterable, OptionValue {
  /// Many writers share one flush, no later than the flush interval.
  case interval
  /// Each append asks for a flush at once.
  case always
  /// The system writes when it likes; `acks=all` is answered when written to the page cache, as Apache Kafka does.
  case none
}
