import Foundation

/// A PostgreSQL server of the tests' own, reached through a socket file in its private folder.
public final class PostgresServer: Sendable {
  /// Where its programs are.
  public static let programs = "/usr/lib/postgresql/15/bin"
  private static let common = Task { try await PostgresServer() }

  /// The server that all tests of this process share; it is started at first use.
  public static func shared() async throws -> PostgresServer { try await common.value }

  /// Starts and stops it.
  public let process: ServerProcess
  /// Gives each schema its number.
  private let schemas = Counter()

  /// Starts a server of one's own, for tests that stop or damage it. It ends with the value.
  ///
  /// Data is not forced to disk unless it `isDurable`: these servers are never meant to survive the machine. It lies in
  /// `folder`, which is kept and may hold data of an earlier server; in a private one without that.
  public init(isDurable: Bool = false, folder: String? = nil) async throws {
    let data = folder.map { "\"\($0)\"" } ?? "data"
    if let folder { try Self.makeFolder(folder) }
    process = try ServerProcess(
      "postgres",
      prepare:
        "[ -e \(data)/PG_VERSION ] || \(Self.programs)/initdb -D \(data) -U postgres -A trust -E UTF8 --locale=C --no-sync",
      run:
        "\(Self.programs)/postgres -D \(data) -k \"$PWD\" -h '' \(isDurable ? "" : "-F") -c max_connections=200 -c log_min_messages=fatal",
      probe: "\(Self.programs)/pg_isready -h \"$PWD\" -U postgres", end: "QUIT", user: "postgres")
    try await process.start()
  }

  /// A folder that the server may write to.
  private static func makeFolder(_ path: String) throws {
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    if getuid() == 0 { try FileManager.default.setAttributes([.ownerAccountName: "postgres"], ofItemAtPath: path) }
  }

  /// The URL of the superuser, with `search_path` set to a new schema, empty and for this caller alone.
  public func freshURL() async throws -> String {
    let schema = "test_\(schemas.next())"
    try await run("create schema \(schema)")
    return url(searchPath: schema)
  }

  /// The URL of the superuser with this `search_path`.
  public func url(searchPath: String = "public") -> String {
    "postgresql:///postgres?host=\(process.folder)&user=postgres&options=-csearch_path%3D\(searchPath)"
  }

  /// Runs statements with `psql`, past the code under test.
  public func run(_ sql: String) async throws {
    try await process.run("\(Self.programs)/psql", ["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url(), "-c", sql])
  }
}

/// Counts, from any thread.
final class Counter: @unchecked Sendable {
  // Sendable by hand: `value` is guarded by `lock`.
  private let lock = NSLock()
  private var value = 0

  func next() -> Int {
    lock.withLock {
      value += 1
      return value
    }
  }
}
