import Contract
import Crypto
import EventLoop
import Kafka
import Postgres
import Telemetry
import TestKit

@testable import Mesh

/// What carries out writes, with a real database, within this process.
@Loop final class WritesWorld {
  let database: Database
  let writes: Writes
  /// Writes a row for each request, after what the test does for it.
  private(set) var jointWrites: JointWrites<JointWrite>!
  let publisher: Publisher
  /// One service's alone, as everywhere in a mesh: the locks of all services of a database are in one space.
  let endpoint = "\(TestMesh.freshService()).write"
  var runs = 0

  init() async throws {
    let url = try await PostgresServer.shared().freshURL()
    database = Database(.init(url: url, applicationName: "writes"))
    try await database.migrate(RuntimeTables.migrations, recordedIn: RuntimeTables.record)
    try await database.query("create table effects (id bigint generated always as identity, note text)")
    publisher = try Publisher(TestMesh.kafka(), database, log: TestMesh.log, metrics: Metrics())
    try await publisher.tendPartitions(now: .now)
    let transactor = Transactor(database, publisher, try TestMesh.pushes(of: "test", in: database))
    let ring = TestMesh.root.derived(for: "test")
    writes = Writes(transactor, ring: ring, log: TestMesh.log)
    jointWrites = JointWrites(transactor, writes, ring: ring) { [unowned self] requests, tx in
      try await writeJointly(requests, tx)
    }
  }

  /// What a joint request does beside writing its row.
  struct JointWrite: Sendable {
    let note: String
    let work: @Loop (Tx) async throws -> Void
  }

  private func writeJointly(
    _ requests: [JointRequest<JointWrite>], _ tx: Tx
  ) async throws -> [Result<Answer, any Error>] {
    var outcomes: [Result<Answer, any Error>] = []
    for write in requests.map(\.request) {
      do {
        try await write.work(tx)
        tx.send("insert into effects (note) values (\(write.note))")
        outcomes.append(.success(Answer(.reply, status: 201, body: Array(write.note.utf8))))
      } catch {
        outcomes.append(.failure(error))
      }
    }
    return outcomes
  }

  func asked(
    _ body: String, key: String? = nil, request: UniqueID? = nil, isHedge: Bool = false,
    within limit: Duration = .seconds(10)
  ) -> Asked {
    let passport = Passport(
      endpoint: endpoint, request: request ?? UniqueID(at: .now), deadline: .now + limit, caller: .anyone,
      idempotencyKey: key)
    let context = Context(
      caller: .anyone, request: passport.request, deadline: passport.deadline, now: .now,
      trace: .root(isSampled: false))
    return Asked(passport: passport, body: Array(body.utf8), isHedge: isHedge, context: context)
  }

  /// Writes a row, slowly if asked to.
  func write(_ asked: Asked, slowly: Duration = .zero) async -> Answer {
    await writes.answer(asked) { tx in
      self.runs += 1
      let number = self.runs
      try await tx.query("insert into effects (note) values (\(String(decoding: asked.body, as: UTF8.self)))")
      if slowly > .zero { try await Loop.sleep(for: slowly) }
      return Answer(.reply, status: 201, body: Array("\(number)".utf8))
    }
  }

  var effects: Int {
    get async throws { try await database.query("select count(*) from effects")[0].decode(column: 0) }
  }
}
