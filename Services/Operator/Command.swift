import EventLoop
import Glibc
import Telemetry

/// What was asked on the command line. `docs/commands.txt` tells each in full.
enum Command: Equatable {
  case up(UpOptions)
  case down
  case status(json: Bool)
  case logs(name: String?, follow: Bool, lines: Int)
  case restart(name: String)
  case scale([String: Int])
  case roll(name: String?)
  case topics
  case dead(DeadCommand)
  case admin(AdminCommand)
  case demo(DemoCommand)
  case messaging(MessagingCommand)
  case secrets(folder: String, postgres: HostPort, redis: HostPort)
  case provision
  case doctor
  case trace(TraceLog.Reference)
  case environment

  /// The most replicas that one service may have on one machine.
  static let replicaLimit = 32

  /// Reads the words after the program's name. Throws `UsageError`.
  init(arguments: [String]) throws(UsageError) {
    var words = Words(arguments)
    guard let name = words.next() else { throw UsageError("say what to do") }
    switch name {
    case "up":
      var options = UpOptions()
      options.detach = words.take(flag: "--detach")
      options.isDetached = words.take(flag: "--detached")
      if let port = try words.take(option: "--port") { options.port = try Self.port(port) }
      while let text = try words.take(option: "--replicas") {
        let (service, count) = try Self.replicas(text)
        options.replicas[service] = count
      }
      self = .up(options)
    case "down": self = .down
    case "status": self = .status(json: words.take(flag: "--json"))
    case "logs":
      let follow = words.take(flag: "--follow") || words.take(flag: "-f")
      let lines = try words.take(option: "--lines").map { text throws(UsageError) in
        guard let count = Int(text), (0...100_000).contains(count) else {
          throw UsageError("--lines: got '\(text)', expected a number from 0 to 100000")
        }
        return count
      }
      self = .logs(name: words.next(), follow: follow, lines: lines ?? 40)
    case "restart": self = .restart(name: try words.require("the name of a service"))
    case "scale":
      var counts: [String: Int] = [:]
      repeat {
        let (service, count) = try Self.replicas(try words.require("NAME=N"))
        counts[service] = count
      } while !words.isEmpty
      self = .scale(counts)
    case "roll": self = .roll(name: words.next())
    case "topics": self = .topics
    case "dead": self = .dead(try DeadCommand(&words))
    case "admin": self = .admin(try AdminCommand(&words))
    case "demo": self = .demo(try DemoCommand(&words))
    case "messaging": self = .messaging(try MessagingCommand(&words))
    case "secrets":
      let postgres = try Self.address("--postgres", &words) ?? "postgres:5432"
      let redis = try Self.address("--redis", &words) ?? "redis:6379"
      self = .secrets(folder: try words.require("a folder"), postgres: postgres, redis: redis)
    case "provision": self = .provision
    case "doctor": self = .doctor
    case "trace": self = .trace(try TraceLog.Reference(try words.require("the id of a trace or a request")))
    case "env": self = .environment
    default: throw UsageError("there is no command '\(name)'")
    }
    if let rest = words.next() { throw UsageError("\(name) does not know what to do with '\(rest)'") }
  }

  private static func port(_ text: String) throws(UsageError) -> UInt16 {
    guard let port = UInt16(text), port > 0 else {
      throw UsageError("--port: got '\(text)', expected a number from 1 to 65535")
    }
    return port
  }

  private static func address(_ option: String, _ words: inout Words) throws(UsageError) -> HostPort? {
    try words.take(option: option).map { text throws(UsageError) in
      guard let address = HostPort(option: text) else {
        throw UsageError("\(option): got '\(text)', expected \(HostPort.expected)")
      }
      return address
    }
  }

  private static func replicas(_ text: String) throws(UsageError) -> (service: String, count: Int) {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, let count = Int(parts[1]), (0...replicaLimit).contains(count) else {
      throw UsageError("got '\(text)', expected NAME=N with N from 0 to \(replicaLimit)")
    }
    return (String(parts[0]), count)
  }

  /// Does it, and returns the exit status.
  @Loop func run() async throws -> CInt {
    let folder = MeshFolder()
    if case .up(let options) = self {
      return try await options.detach ? startDetached(folder, options) : runSupervisor(folder, options)
    }
    // Nothing but `up` has anything to finish when it is interrupted.
    Signals.on([SIGINT, SIGTERM, SIGHUP]) { exit(128 + $0) }
    switch self {
    case .up: preconditionFailure("done above")
    case .down: return try await endEverything(folder)
    case .status(let json): return try await showStatus(folder, asJSON: json)
    case .logs(let name, let follow, let lines): return try await showLogs(folder, name, follow: follow, lines: lines)
    case .restart(let name): return try await ask(folder, .restart(name))
    case .scale(let counts): return try await ask(folder, .scale(counts))
    case .roll(let name): return try await ask(folder, .roll(name))
    case .topics: return try await showTopics(folder)
    case .dead(let command): return try await command.run(folder)
    case .admin(let command): return try await command.run(folder)
    case .demo(let command): return try await command.run(folder)
    case .messaging(let command): return try await command.run(folder)
    case .secrets(let path, let postgres, let redis): return try makeSecrets(path, postgres: postgres, redis: redis)
    case .provision: return try await provisionDeployment()
    case .doctor: return await examine(folder)
    case .trace(let reference): return try showTrace(folder, reference)
    case .environment: return try showEnvironment(folder)
    }
  }
}

/// What `up` was asked for.
struct UpOptions: Equatable {
  /// Return as soon as everything is ready, and leave it running.
  var detach = false
  /// Given by `up --detach` to the process that stays.
  var isDetached = false
  /// The gateway's port; nil takes the one that was used before.
  var port: UInt16?
  /// How many replicas, for services that shall not have their usual number.
  var replicas: [String: Int] = [:]
}
