import Contract
import EventLoop
import Postgres
import TestKit
import Testing

@testable import Mesh

/// Events that nobody handles, on their way past a service.
@Suite(.timeLimit(.minutes(2))) struct BystanderTests {
  @Loop private final class World {
    let database: Database
    let bystander: Bystander

    init() async throws {
      database = Database(.init(url: try await PostgresServer.shared().freshURL(), applicationName: "bystander"))
      try await database.migrate(RuntimeTables.migrations, recordedIn: RuntimeTables.record)
      bystander = Bystander(database)
    }

    func pass(_ subject: UniqueID, _ version: Int64) async throws -> Bool {
      try await bystander.pass(
        OutboxRecord(
          id: UniqueID(at: .now), name: "notes.seen", subject: subject, version: version, payload: "{}",
          traceparent: nil, occurredAt: .now))
    }

    func version(of subject: UniqueID) async throws -> Int64? {
      try await database.query("select version from mesh_inbox where source = 'notes' and subject = \(subject)").first?
        .decode(Int64.self)
    }
  }

  @Test @Loop func `an aggregate's events pass in order, and each once`() async throws {
    let world = try await World()
    let subject = UniqueID(at: .now)
    #expect(try await world.pass(subject, 2) == false)
    #expect(try await world.version(of: subject) == nil)
    #expect(try await world.pass(subject, 1))
    #expect(try await world.pass(subject, 1) == false)
    #expect(try await world.pass(subject, 2))
    #expect(try await world.pass(subject, 4) == false)
    #expect(try await world.version(of: subject) == 2)
  }

  @Test @Loop func `an event does not pass those of its aggregate that are parked`() async throws {
    let world = try await World()
    let subject = UniqueID(at: .now)
    #expect(try await world.pass(subject, 1))
    try await world.database.query("update mesh_inbox set has_parked = true where subject = \(subject)")
    #expect(try await world.pass(subject, 2) == false)
    #expect(try await world.version(of: subject) == 1)
  }

  @Test @Loop func `many pass together, and none is taken for another`() async throws {
    let world = try await World()
    let subjects = (0..<1200).map { _ in UniqueID(at: .now) }
    let passed = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
      for (index, subject) in subjects.enumerated() {
        // Every third one comes too early.
        group.addTask { (index, try await world.pass(subject, index % 3 == 0 ? 2 : 1)) }
      }
      var passed: [Int: Bool] = [:]
      for try await (index, isPassed) in group { passed[index] = isPassed }
      return passed
    }
    for index in subjects.indices { #expect(passed[index] == (index % 3 != 0)) }
    #expect(try await world.database.query("select count(*) from mesh_inbox")[0].decode(Int.self) == 800)
  }
}
