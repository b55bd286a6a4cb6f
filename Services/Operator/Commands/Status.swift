import EventLoop
import Foundation

extension Command {
  /// Shows what runs. The exit status is 0 only when all of it is ready.
  @Loop func showStatus(_ folder: MeshFolder, asJSON: Bool) async throws -> CInt {
    guard case .status(let status) = try await askSupervisor(folder, .status, within: .seconds(30)) else {
      throw Failure.notRunning
    }
    if asJSON {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
      Console.say(String(decoding: try encoder.encode(status), as: UTF8.self))
    } else {
      Self.table(status).forEach { Console.say($0) }
    }
    return status.isReady ? ExitCode.done : ExitCode.failed
  }

  private static func table(_ status: MeshStatus) -> [String] {
    var rows = [["NAME", "STATE", "PID", "MEMORY", "OPERATIONS"]]
    for (name, store) in [(PostgresCluster.name, status.postgres), (RedisServer.name, status.redis)] {
      rows.append([name, state(store.ready, store.pid), store.pid.map(String.init) ?? "-", "-", "-"])
    }
    for replica in status.services {
      rows.append([
        "\(replica.service).\(replica.replica)", state(replica.ready, replica.pid),
        replica.pid.map(String.init) ?? "-", replica.rssAnonBytes.map(Self.size) ?? "-",
        replica.opsUrl ?? "-",
      ])
    }
    return aligned(rows)
  }

  /// Mebibytes with one digit after the point.
  private static func size(_ bytes: Int) -> String { "\(bytes >> 20).\(((bytes & 0xfffff) * 10) >> 20) MiB" }

  private static func state(_ isReady: Bool, _ pid: Int32?) -> String {
    isReady ? "ready" : pid == nil ? "down" : "not ready"
  }

  /// Prints how to reach what this folder runs, as lines for a shell's `eval`.
  @Loop func showEnvironment(_ folder: MeshFolder) throws -> CInt {
    guard let ports = Ports.load(folder) else { throw Failure.notRunning }
    let secrets = Secrets(folder)
    Console.say("export GATEWAY_URL='http://127.0.0.1:\(ports.gateway)'")
    Console.say("export KAFKA_BROKERS='127.0.0.1:\(ports.kafka)'")
    let redis = RedisServer.url(port: ports.redis, password: try secrets.secret(RedisServer.name))
    Console.say("export REDIS_URL='\(redis)'")
    let password = try secrets.secret(PostgresCluster.name)
    Console.say("export DATABASE_URL='\(PostgresCluster.adminURL(port: ports.postgres, password: password))'")
    return ExitCode.done
  }

  /// Sends a request to the supervisor and shows its progress.
  @Loop func ask(_ folder: MeshFolder, _ request: ControlRequest) async throws -> CInt {
    _ = try await askSupervisor(folder, request)
    return ExitCode.done
  }
}

/// Rows of cells as lines whose columns stand below one another.
func aligned(_ rows: [[String]]) -> [String] {
  let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    var line = ""
    for (cell, width) in zip(row, widths) { line += cell + String(repeating: " ", count: width - cell.count + 2) }
    while line.last == " " { line.removeLast() }
    return line
  }
}
