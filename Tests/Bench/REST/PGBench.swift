import BenchKit
import EventLoop
import Foundation
import TestKit

/// PostgreSQL's own benchmark, on the server of the mesh, in a table of its own.
@Loop struct PGBench {
  private let server: PostgresServer
  private let script: String

  init(_ mesh: BenchMesh) throws {
    server = mesh.postgres
    script = "\(server.process.folder)/insert.sql"
    try "insert into pgbench_rows (id, text) values (gen_random_uuid(), 'note number 123456 of the benchmark');\n"
      .write(toFile: script, atomically: true, encoding: .utf8)
  }

  func prepare() async throws {
    try await server.run("create table pgbench_rows (id uuid primary key, text text not null)")
  }

  func commitsPerSecond(for duration: Duration) async throws -> Double {
    try await server.process.run(
      "\(PostgresServer.programs)/pgbench",
      [
        "-n", "-M", "prepared", "-c", "16", "-j", "1", "-T", "\(max(1, duration.components.seconds))", "-f", script,
        "-h", server.process.folder, "-U", "postgres", "postgres",
      ])
    let output = try String(contentsOfFile: "\(server.process.folder)/run.log", encoding: .utf8)
    let line = output.split(separator: "\n").first { $0.hasPrefix("tps = ") }
    guard let words = line?.split(separator: " "), words.count > 2, let rate = Double(words[2]) else {
      throw BenchFailure("pgbench says nothing of its rate: \(output)")
    }
    return rate
  }
}
