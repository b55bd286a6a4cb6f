import BenchKit
import Crypto
import EventLoop
import Foundation

/// Everything that `mesh up` starts, in a folder of its own. It ends with `end`.
@Loop struct WholeMesh {
  /// What runs.
  struct Status: Decodable {
    /// A replica of a service.
    struct Service: Decodable {
      let service: String
      let pid: Int32?
    }
    /// A store.
    struct Store: Decodable {
      let pid: Int32?
    }

    let services: [Service]
    let postgres: Store
    let redis: Store
  }

  private let folder: URL
  /// Where the gateway listens.
  let address: SocketAddress
  /// The database, as its superuser.
  let databaseURL: String
  /// Where the broker listens.
  let brokers: String

  init() throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "chat-bench-\(UUID().uuidString)")
    // PostgreSQL's user has to get through when this runs as root.
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o755])
    let port = try Self.freePort()
    _ = try Self.mesh(["up", "--detach", "--port", "\(port)"], in: folder)
    address = try SocketAddress(host: "127.0.0.1", port: port)
    let lines = try Self.mesh(["env"], in: folder).split(separator: "\n")
    func value(of name: String) throws -> String {
      guard let line = lines.first(where: { $0.contains("\(name)=") }) else {
        throw BenchFailure("mesh env does not say \(name)")
      }
      return line.split(separator: "=", maxSplits: 1)[1].filter { $0 != "'" && $0 != "\"" }
    }
    databaseURL = try value(of: "DATABASE_URL")
    brokers = try value(of: "KAFKA_BROKERS")
  }

  /// What all services' keys come from.
  func rootKeys() throws -> KeyRing {
    let file = folder.appending(path: ".mesh/secrets/mesh-root")
    let text = try String(contentsOf: file, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
    guard let key = Hex.decode(text).flatMap({ SymmetricKey($0) }) else { throw BenchFailure("no key in \(file.path)") }
    return KeyRing(current: 1, keys: [1: key])
  }

  /// All of its processes.
  func processes() throws -> ProcessCosts {
    let status = try JSONDecoder().decode(
      Status.self, from: Data(Self.mesh(["status", "--json"], in: folder).utf8))
    var costs = ProcessCosts()
    for process in status.services { if let pid = process.pid { costs.add(process.service, pid) } }
    if let pid = status.postgres.pid { costs.add("PostgreSQL", pid, withChildren: true) }
    if let pid = status.redis.pid { costs.add("Redis", pid) }
    return costs
  }

  func end() throws {
    _ = try Self.mesh(["down"], in: folder)
    try FileManager.default.removeItem(at: folder)
  }

  /// Asks the gateway, and returns what it answers.
  func ask(_ method: String, _ path: String, token: String? = nil, _ body: [String: Any]) throws -> [String: Any] {
    let json = String(decoding: try JSONSerialization.data(withJSONObject: body), as: UTF8.self)
    var arguments = [
      "-s", "-X", method, "http://\(address)\(path)", "-H", "content-type: application/json", "-d", json,
    ]
    if let token { arguments += ["-H", "authorization: Bearer \(token)"] }
    let answer = try Self.run("/usr/bin/curl", arguments, in: folder)
    guard let object = try JSONSerialization.jsonObject(with: Data(answer.utf8)) as? [String: Any] else {
      throw BenchFailure("\(method) \(path): \(answer)")
    }
    return object
  }

  private static func mesh(_ arguments: [String], in folder: URL) throws -> String {
    try run(BenchProgram.built("mesh").path, arguments, in: folder)
  }

  /// Runs a program to its end, and returns what it prints.
  static func run(_ program: String, _ arguments: [String], in folder: URL? = nil) throws -> String {
    let process = Foundation.Process()
    let output = Pipe()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.currentDirectoryURL = folder
    process.environment = ProcessInfo.processInfo.environment.merging([
      "PASSWORD_COST": "8KiB", "RATE_LIMIT_SCALE": "1000000",
    ]) { _, new in new }
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0 else { throw BenchFailure("\(program) \(arguments.first ?? ""): \(text)") }
    return text
  }

  private static func freePort() throws -> UInt16 {
    let listener = try Listener(on: .anyLoopbackPort) { $0.close() }
    defer { listener.close() }
    return listener.address.port
  }
}
