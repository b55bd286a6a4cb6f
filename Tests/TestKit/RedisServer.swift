import Foundation

/// A Redis server of the tests' own, on a free port of the loopback interface. It keeps nothing on disk.
public final class RedisServer: Sendable {
  private static let common = Task { try await RedisServer() }

  /// The server that all tests of this process share; it is started at first use.
  public static func shared() async throws -> RedisServer { try await common.value }

  /// Starts and stops it.
  public let process: ServerProcess
  /// Where it listens; the same after a restart.
  public let port: UInt16

  /// Starts a server of one's own, for tests that stop or damage it. It ends with the value.
  public init(password: String? = nil) async throws {
    let port = try FreePort.next()
    self.port = port
    let login = password.map { "-a \($0)" } ?? ""
    let requirement = password.map { "--requirepass \($0)" } ?? ""
    process = try ServerProcess(
      "redis",
      run: "redis-server --bind 127.0.0.1 --port \(port) --save '' --appendonly no \(requirement)",
      probe: "redis-cli -p \(port) \(login) ping | grep -q PONG")
    try await process.start()
  }

  /// The URL of one of its 16 databases.
  public func url(database: Int = 0) -> String { "redis://127.0.0.1:\(port)/\(database)" }

  /// Runs a command with `redis-cli`, past the code under test.
  public func run(_ arguments: String...) async throws {
    try await process.run("redis-cli", ["-p", "\(port)"] + arguments)
  }
}
