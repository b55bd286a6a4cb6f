public import Crypto
public import Telemetry

/// What every service of the mesh has to be told.
public struct MeshOptions: OptionGroup {
  /// How Kafka is reached.
  public var kafka = KafkaOptions()

  /// The database, for services that have one.
  @Option(
    "database-url", env: "DATABASE_URL",
    help: "The service's role in PostgreSQL; the first schema of its search_path is the service's.")
  public var databaseURL: Secret<ServiceURL>? = nil

  /// How many transactions run side by side. Those that commit at the same time share one flush to the server's disk.
  @Option(
    "database-connections", env: "DATABASE_CONNECTIONS", in: 1...64,
    help: "Transactions that run side by side; the rest wait. Two more connections serve reads and migrations.")
  public var databaseConnections: Int = 16

  /// The service's key.
  @Option("mesh-key", env: "MESH_KEY", help: "The service's key: ID:HEX, and older ones after a comma.")
  public var key: Secret<KeyRingText>

  /// The keys for asking other services.
  @Option(
    "mesh-peers", env: "MESH_PEERS", help: "The keys for asking other services: NAME=ID:HEX, several after semicolons.")
  public var peers: Secret<PeerKeysText>? = nil

  /// The number of this replica.
  @Option(
    "replica", env: "REPLICA", in: 0...9999, help: "The number of this replica: one that is started anew keeps it.")
  public var replica: Int = 0

  /// Where the operations page is served.
  @Option(
    "ops", env: "OPS_ADDRESS", help: "Where /healthz, /readyz and /metrics are served; port 0 chooses a free one.")
  public var ops: HostPort = "127.0.0.1:0"

  /// How long to wait for Kafka and PostgreSQL.
  @Option(
    "startup-patience", env: "STARTUP_PATIENCE", in: .seconds(1)...Duration.seconds(3600),
    help: "How long to wait for Kafka and PostgreSQL to be there.")
  public var startupPatience: Duration = .seconds(60)

  /// How long what is under way may take at the end.
  @Option(
    "drain-time", env: "DRAIN_TIME", in: .seconds(1)...Duration.seconds(300),
    help: "How long work that is under way may take when the process is asked to end.")
  public var drainTime: Duration = .seconds(10)

  /// How logs are written.
  public var logs = LogOptions()

  /// Everything at its default.
  public init() {}

  /// What is wrong for a service that needs a database: nothing, or that it was told of none.
  public func checkDatabase() -> [String] {
    databaseURL == nil ? ["DATABASE_URL: not set, expected the service's role in PostgreSQL"] : []
  }
}

/// Keys as an operator writes them: `2:HEX,1:HEX`, the current one first. An id is a number, a key 64 hexadecimal digits.
public struct KeyRingText: OptionValue {
  /// The keys.
  public let ring: KeyRing
  /// What a reader is told is expected.
  public static var expected: String { "ID:HEX with 64 hexadecimal digits, older keys after a comma" }

  /// Reads the keys.
  public init?(option text: String) {
    var keys: [KeyRing.KeyID: SymmetricKey] = [:]
    var current: KeyRing.KeyID?
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let halves = part.split(separator: ":", omittingEmptySubsequences: false)
      guard halves.count == 2, let id = KeyRing.KeyID(halves[0]), keys[id] == nil,
        let key = Hex.decode(halves[1]).flatMap({ SymmetricKey($0) })
      else { return nil }
      keys[id] = key
      current = current ?? id
    }
    guard let current else { return nil }
    ring = KeyRing(current: current, keys: keys)
  }

  /// Keys are not shown.
  public var optionText: String { "keys" }
}

/// The keys for asking other services: `credits=1:HEX;profiles=1:HEX`.
public struct PeerKeysText: OptionValue {
  /// The keys by service.
  public let rings: [String: KeyRing]
  /// What a reader is told is expected.
  public static var expected: String { "NAME=ID:HEX, several separated by semicolons" }

  /// Reads the keys.
  public init?(option text: String) {
    var rings: [String: KeyRing] = [:]
    for part in text.split(separator: ";") {
      let halves = part.split(separator: "=", maxSplits: 1)
      guard halves.count == 2, let ring = KeyRingText(option: String(halves[1])) else { return nil }
      rings[String(halves[0])] = ring.ring
    }
    self.rings = rings
  }

  /// Keys are not shown.
  public var optionText: String { "keys" }
}
