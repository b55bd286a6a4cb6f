import EventLoop
import Foundation
import Postgres

/// This clone's own PostgreSQL: a cluster in its own folder, on its own port. The system's clusters are not touched.
@Loop struct PostgresCluster {
  nonisolated static let name = "postgres"
  nonisolated static let database = "skillmesh"
  nonisolated static let superuser = "postgres"
  /// Enough for a few replicas of every service with their pools.
  private static let connections = 400

  let port: UInt16
  private let folder: MeshFolder
  private let secrets: Secrets
  private let log: LogFile
  /// Where its data is: an absolute path.
  private let data: String
  /// Where its programs are.
  private let programs: String
  /// Whom its processes become: PostgreSQL refuses to be root.
  private let user: String?

  /// Finds the programs and the folder. Throws `Failure`.
  init(_ folder: MeshFolder, port: UInt16, secrets: Secrets, log: LogFile) async throws {
    (self.folder, self.port, self.secrets, self.log) = (folder, port, secrets, log)
    user = getuid() == 0 ? Self.superuser : nil
    let home = FileManager.default.currentDirectoryPath
    data = try await Self.isReachable(folder, for: user) ? "\(home)/\(folder.path)/postgres" : Self.dataOutside(home)
    programs = try Self.findPrograms(for: data)
  }

  /// Whether the user that PostgreSQL runs as can get to the clone's folder, which may lie below somebody's home.
  private static func isReachable(_ folder: MeshFolder, for user: String?) async throws -> Bool {
    guard let user else { return true }
    guard getpwnam(user) != nil else {
      throw Failure("there is no user '\(user)', whom PostgreSQL runs as", advice: "Install the package postgresql.")
    }
    let home = FileManager.default.currentDirectoryPath
    let test = try ChildProcess(
      "setpriv", ["--reuid=\(user)", "--regid=\(user)", "--init-groups", "test", "-x", "\(home)/\(folder.path)"],
      environment: inherited)
    return await test.waitUntilEnded() == .status(0)
  }

  /// Where root keeps the data of a clone in a place that PostgreSQL cannot get to. Named after the clone's path (by
  /// FNV-1a), so that the same clone finds it again.
  private static func dataOutside(_ home: String) throws(Failure) -> String {
    let hash = home.utf8.reduce(UInt64(0xcbf2_9ce4_8422_2325)) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    let parent = "/var/lib/skillmesh"
    for path in [parent, "\(parent)/\(String(hash, radix: 16))"] {
      guard mkdir(path, 0o755) == 0 || errno == EEXIST, chmod(path, 0o755) == 0 else {
        throw Failure("cannot make \(path) for PostgreSQL's data: \(String(cString: strerror(errno)))")
      }
    }
    return "\(parent)/\(String(hash, radix: 16))/postgres"
  }

  /// The programs of the version that made the data, or else of the newest version.
  private static func findPrograms(for data: String) throws(Failure) -> String {
    let root = "/usr/lib/postgresql"
    let found = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
    let versions = found.filter { access("\(root)/\($0)/bin/initdb", X_OK) == 0 }
    if let made = try? String(contentsOfFile: "\(data)/PG_VERSION", encoding: .utf8) {
      let version = made.trimmingCharacters(in: .whitespacesAndNewlines)
      guard versions.contains(version) else {
        throw Failure(
          "\(data) was made by PostgreSQL \(version), which is not installed",
          advice: "Install the package postgresql-\(version), or remove that folder to start with empty databases.")
      }
      return "\(root)/\(version)/bin"
    }
    guard let newest = versions.max(by: { (Int($0) ?? 0) < (Int($1) ?? 0) }) else {
      throw Failure("PostgreSQL is not installed: \(root) has no version", advice: "Install the package postgresql.")
    }
    return "\(root)/\(newest)/bin"
  }

  /// Makes the cluster if there is none. Returns whether it did. Throws `Failure`.
  func create() async throws -> Bool {
    let isFresh = !secrets.has(Self.name)
    let password = try secrets.secret(Self.name)
    if access("\(data)/PG_VERSION", F_OK) == 0 {
      guard isFresh else { return false }
      throw Failure(
        "\(data) holds a cluster whose password is not in \(folder.secrets) any more",
        advice: "Remove it to start with empty databases: rm -r \(data)")
    }
    // Made beside its place and moved there when it is whole, so that a first start cut short leaves no half cluster.
    let draft = "\(data).new"
    let passwordFile = "\(data).password"
    try? FileManager.default.removeItem(atPath: draft)
    defer { unlink(passwordFile) }
    try replaceFile(passwordFile, with: Data("\(password)\n".utf8))
    guard mkdir(draft, 0o700) == 0 else {
      throw Failure("cannot make \(draft): \(String(cString: strerror(errno)))")
    }
    if let user, let entry = getpwnam(user) {
      for path in [draft, passwordFile] { chown(path, entry.pointee.pw_uid, entry.pointee.pw_gid) }
    }
    var tool = launch
    tool.executable = "\(programs)/initdb"
    tool.arguments = [
      "-D", draft, "-U", Self.superuser, "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8",
      "--locale=C.UTF-8",
    ]
    try await runTool("setpriv", tool.commandLine, log: log)
    guard rename(draft, data) == 0 else {
      throw Failure("cannot move \(draft) to \(data): \(String(cString: strerror(errno)))")
    }
    return true
  }

  /// Where the socket file is, unless the path is too long for one.
  private var socketFolder: String? { data.utf8.count + "/.s.PGSQL.65535".utf8.count < 108 ? data : nil }

  /// Where this process reaches it: by the socket file, which no other server can answer, when there is one.
  private var host: String { socketFolder ?? "127.0.0.1" }

  /// Waits until nothing of a killed server is left, and removes its locks.
  func clearAway() async { await Self.clearAway(data, within: .seconds(10)) }

  /// Waits until no process works in the data folder `data`, as all of a server's do, and then removes the files that name
  /// the server's process, those beside its sockets too. PostgreSQL would take any process of that number for the server,
  /// also one that is dead and was not reaped, as happens in containers.
  static func clearAway(_ data: String, within limit: Duration) async {
    let deadline = ContinuousClock.now + limit
    while ProcessFacts.isAnyone(in: data) {
      guard ContinuousClock.now < deadline else { return }
      // Cut short only when everything is to end.
      try? await Loop.sleep(for: .milliseconds(20))
    }
    let files = (try? FileManager.default.contentsOfDirectory(atPath: data)) ?? []
    for file in files where file == "postmaster.pid" || file.hasPrefix(".s.PGSQL.") { unlink("\(data)/\(file)") }
  }

  /// How the server is started.
  var launch: Launch {
    var launch = Launch(
      executable: "\(programs)/postgres",
      arguments: [
        "-D", data, "-p", String(port), "-h", "127.0.0.1", "-k", socketFolder ?? "", "-N", String(Self.connections),
      ],
      environment: inherited
    ) { [programs, port, host] in
      let arguments = ["-q", "-t", "1", "-h", host, "-p", String(port)]
      let probe = try? ChildProcess("\(programs)/pg_isready", arguments, environment: inherited)
      return await probe?.waitUntilEnded() == .status(0)
    }
    launch.user = user
    launch.endSignal = SIGINT  // ends sessions instead of waiting for them
    return launch
  }

  /// The superuser's URL, for inspection and set-up.
  nonisolated static func adminURL(port: UInt16, password: String) -> String {
    "postgresql://\(superuser):\(password)@127.0.0.1:\(port)/\(database)"
  }

  /// The URL of the role of `service`.
  func url(for service: String) throws(Failure) -> String {
    url(service, password: try secrets.secret("\(Self.name)-\(service)"), Self.database)
  }

  /// The URL of a role: over the socket file, which is quicker and which no other server can answer, when there is one.
  private func url(_ role: String, password: String, _ database: String) -> String {
    guard let socketFolder else { return "postgresql://\(role):\(password)@127.0.0.1:\(port)/\(database)" }
    let allowed = CharacterSet.alphanumerics.union(CharacterSet(charactersIn: "-._~"))
    let host = socketFolder.addingPercentEncoding(withAllowedCharacters: allowed) ?? ""
    return "postgresql://\(role):\(password)@/\(database)?host=\(host)&port=\(port)"
  }

  /// Makes the database and, for each of `services`, its role and schema. Changes nothing that is there. Throws `Failure`.
  func setUp(_ services: [String]) async throws {
    let password = try secrets.secret(Self.name)
    let roles = try services.map { service throws(Failure) in
      DatabaseRoles.Role(name: service, password: try secrets.secret("\(Self.name)-\(service)"))
    }
    do {
      try await DatabaseRoles.create(Self.database, at: url(Self.superuser, password: password, "postgres"))
      try await DatabaseRoles.setUp(roles, at: url(Self.superuser, password: password, Self.database))
    } catch let error as PostgresError {
      throw Failure("PostgreSQL: \(error)", advice: "Its log: ./mesh logs \(Self.name).")
    }
  }
}
