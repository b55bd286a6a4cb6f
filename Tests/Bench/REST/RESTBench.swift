import BenchKit
import EventLoop
import Foundation
import Postgres

/// A request that commits one row, through gateway, topic and service, beside `pgbench` committing one-row inserts on the
/// same PostgreSQL in the same run.
@Loop struct RESTBench {
  static let about = """
    Measures POST requests whose transaction stores a row and the idempotency record, through gateway, topic and service,
    beside one-row inserts by pgbench -M prepared -c 16.
    """

  private let limit: Duration
  private var report = Report()

  init(limit: Duration) { self.limit = limit }

  mutating func run() async throws -> Report {
    let mesh = try await BenchMesh()
    let database = Database(.init(url: mesh.databaseURL, applicationName: "bench"))
    let pgbench = try PGBench(mesh)
    try await pgbench.prepare()
    report.tuning = [
      "pgbench":
        "-M prepared -c 16 -j 1, one insert of a uuid and a text a transaction; half before, half after the load",
      "PostgreSQL": "fsync on, PostgreSQL's defaults",
      "one row": "POST /api/v1/jots: the row and the idempotency record; requests that come together share a commit",
      "row and event":
        "POST /api/v1/boards/{board}/notes, 1,024 boards: locks the board, stores the note, the outbox row, "
        + "its mark and the idempotency record in one commit; the event is published",
    ]
    let before = try await pgbench.commitsPerSecond(for: limit / 2)
    let jots = try await measure(mesh, connections: [16, 32, 64], "one row") { _ in "/api/v1/jots" }
    try await expect(jots, in: database, "select count(*) from jots")
    let boards = (0..<1024).map { _ in UUID().uuidString.lowercased() }
    let notes = try await measure(mesh, connections: [16, 64], "row and event") {
      "/api/v1/boards/\(boards[$0 % boards.count])/notes"
    }
    try await expect(notes, in: database, "select count(*) from notes")
    let after = try await pgbench.commitsPerSecond(for: limit / 2)
    judge([jots, notes].flatMap { $0 }, (before + after) / 2)
    var figure = Figure("pgbench, one-row inserts", (before + after) / 2, "/s")
    figure.note = "\(Report.format(before)) before, \(Report.format(after)) after"
    report.add(figure)
    for figure in mesh.costs.memory() { report.add(figure) }
    database.close()
    await mesh.end()
    return report
  }

  private struct Measurement {
    let name: String
    let setting: String
    let result: HTTPLoad.Result
    let costs: [Cost]
    /// Requests answered well, those of the warming up too.
    let answered: Int
  }

  private func measure(
    _ mesh: BenchMesh, connections: [Int], _ name: String, _ path: @escaping @Loop (Int) -> String
  ) async throws -> [Measurement] {
    let host = "\(mesh.address)"
    let work = HTTPLoad.Work { number in
      let body = #"{"text":"note number \#(number) of the benchmark"}"#
      let head = "POST \(path(number)) HTTP/1.1\r\nHost: \(host)\r\nContent-Type: application/json\r\n"
      return Array("\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)".utf8)
    } isRight: { _, answer in
      answer.status == 201
    }
    var all: [Measurement] = []
    for count in connections {
      let load = try await HTTPLoad(mesh.address, connections: count, work)
      let warmUp = try await load.run(.closed, for: limit / 8)
      let start = mesh.costs.mark()
      let result = try await load.run(.closed, for: limit)
      try warmUp.check(name)
      try result.check(name)
      load.close()
      all.append(
        Measurement(
          name: name, setting: "\(count) connections", result: result,
          costs: mesh.costs.costs(since: start, for: result.latencies.count),
          answered: warmUp.latencies.count + result.latencies.count))
    }
    return all
  }

  /// Throws unless each request that was answered well has left exactly one row.
  private func expect(_ measurements: [Measurement], in database: Database, _ sql: SQL) async throws {
    let rows = try await database.query(sql)[0].decode(column: 0, as: Int.self)
    let answered = measurements.map(\.answered).reduce(0, +)
    guard rows == answered else {
      throw BenchFailure("\(measurements[0].name): \(answered) requests were answered well, and there are \(rows) rows")
    }
  }

  private mutating func judge(_ measurements: [Measurement], _ commits: Double) {
    for measured in measurements {
      let rate = measured.result.perSecond
      var figure = Figure(measured.name, rate, "/s")
      figure.setting = measured.setting
      figure.against = "pgbench \(Report.format(commits)) /s"
      if measured.name == "one row" { (figure.must, figure.reach) = (commits * 0.3, commits * 0.5) }
      figure.costs = measured.costs
      figure.note = String(format: "%.2f of pgbench, ", rate / commits) + measured.result.latencies.summary
      report.add(figure)
    }
  }
}
