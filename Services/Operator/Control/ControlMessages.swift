/// What a command asks the running supervisor: one line of JSON over the socket file `.mesh/control`.
enum ControlRequest: Codable, Equatable, Sendable {
  case status
  case scale([String: Int])
  case restart(String)
  case roll(String?)
  case down
}

/// A request with the version of its form, so that a supervisor from another build can say so instead of guessing.
struct ControlEnvelope: Codable, Equatable, Sendable {
  static let currentVersion = 1
  /// The longest request or answer, in bytes.
  static let limit = 256 << 10

  var version = currentVersion
  let request: ControlRequest
}

/// One line of the supervisor's answer. Any number of `progress`, then one of the others.
enum ControlReply: Codable, Equatable, Sendable {
  case progress(String)
  case status(MeshStatus)
  case done
  case refused(problem: String, advice: String?, exitCode: Int32)
}

/// What runs, as `./mesh status --json` prints it. Its names are relied upon by scripts.
struct MeshStatus: Codable, Equatable, Sendable {
  /// One replica of a service. What is null does not run.
  struct Replica: Codable, Equatable, Sendable {
    let service: String
    let replica: Int
    let pid: Int32?
    let ready: Bool
    let opsUrl: String?
    let rssAnonBytes: Int?

    /// Writes null where there is nothing, so that each name is always there.
    func encode(to encoder: any Encoder) throws {
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encode(service, forKey: .service)
      try fields.encode(replica, forKey: .replica)
      try fields.encode(pid, forKey: .pid)
      try fields.encode(ready, forKey: .ready)
      try fields.encode(opsUrl, forKey: .opsUrl)
      try fields.encode(rssAnonBytes, forKey: .rssAnonBytes)
    }
  }

  /// PostgreSQL or Redis.
  struct Store: Codable, Equatable, Sendable {
    let pid: Int32?
    let ready: Bool

    /// Writes null where there is nothing, so that each name is always there.
    func encode(to encoder: any Encoder) throws {
      var fields = encoder.container(keyedBy: CodingKeys.self)
      try fields.encode(pid, forKey: .pid)
      try fields.encode(ready, forKey: .ready)
    }
  }

  let services: [Replica]
  let postgres: Store
  let redis: Store
  /// Whether `up` is not through yet.
  let isStarting: Bool

  /// Whether everything that should run is ready.
  var isReady: Bool { !isStarting && postgres.ready && redis.ready && services.allSatisfy(\.ready) }
}
