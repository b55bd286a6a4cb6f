/// The services of the mesh, in the order in which they are started. A new one is one line here.
let manifest = [
  Service("broker", maximum: 1, grace: .seconds(10), stage: .foundation) { place in
    ["--data", "\(place.folder.path)/broker", "--listen", place.kafka, "--ops", place.ops]
  },
  Service("identity", needs: [.database, .meshKey]) { place in
    ["--development", "--public-url", "http://\(place.gateway)"]
  },
  Service("messaging", needs: [.database, .masterKey, .meshKey]),
  Service("presence", needs: [.database, .redis, .meshKey]),
  Service("profiles", needs: [.database, .meshKey, .storage]) { _ in ["--development"] },
  Service("gateway", needs: [.redis, .rootKey, .storage]) { place in ["--listen", place.gateway] },
]

/// What to try first, once everything is ready.
let firstCommand = #"eval "$(./mesh env)" && curl "$GATEWAY_URL/openapi.json""#

/// One program of the mesh: how it is started, and what it needs.
struct Service: Sendable {
  /// What must be ready before it starts.
  enum Stage: Sendable {
    /// It stands on nothing but the machine.
    case foundation
    /// It stands on Kafka, PostgreSQL and Redis.
    case service
  }

  /// A store that it keeps something in, or a key that it must be given.
  enum Need: Sendable {
    /// A role and a schema of its own in PostgreSQL.
    case database
    /// Redis.
    case redis
    /// The folder, or the S3 server, where files are kept.
    case storage
    /// The key under which it is asked.
    case meshKey
    /// Keys of its own that seal what it keeps, and that change while it runs.
    case masterKey
    /// The key that all others come from: whoever has it may ask any service in anybody's name.
    case rootKey
  }

  /// What differs from one machine and start to the next.
  struct Place: Sendable {
    let folder: MeshFolder
    /// Where Kafka listens, as `host:port`.
    let kafka: String
    /// Where this replica answers its operators, as `host:port`.
    let ops: String
    /// Where clients find the mesh, as `host:port`.
    let gateway: String
  }

  /// The name on the command line; also its executable's, its role's and its schema's.
  let name: String
  let stage: Stage
  let needs: Set<Need>
  /// How many run unless told otherwise.
  let replicas: Int
  /// How many may run.
  let maximum: Int
  /// How long it may take to finish what it has begun when it is asked to end.
  let grace: Duration
  let arguments: @Sendable (Place) -> [String]

  init(
    _ name: String, needs: Set<Need> = [], replicas: Int = 1, maximum: Int = Command.replicaLimit,
    grace: Duration = .seconds(20), stage: Stage = .service,
    arguments: @escaping @Sendable (Place) -> [String] = { _ in [] }
  ) {
    precondition(replicas <= maximum, "\(name) starts with more replicas than it may have")
    (self.name, self.needs, self.replicas, self.maximum) = (name, needs, replicas, maximum)
    (self.grace, self.stage, self.arguments) = (grace, stage, arguments)
  }
}
