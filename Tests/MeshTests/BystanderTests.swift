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
      bystander = Bystander(database, log: TestMesh.log)
    }

    func pass(_ subject: UniqueID, _ version: Int64) -> Promise<Bool> {
      bystander.pass(subject, of: "notes", version: version)
    }

    func version(of subject: UniqueID) async throws -> Int64? {
      try await database.query("select version from mesh_inbox where source = 'notes' and subject = \(subject)").first?
        .decode(Int64.self)
    }
  }

  @Test @Loop func `an aggregate's events pass in order, and those that come early do not`() async throws {
    let world = try await World()
    let subject = UniqueID(at: .now)
    #expect(try await world.pass(subject, 2).value == false)
    #expect(try await world.version(of: subject) == nil)
    #expect(try await world.pass(subject, 1).value)
    #expect(try await world.pass(subject, 2).value)
    #expect(try await world.pass(subject, 4).value == false)
    #expect(try await world.version(of: subject) == 2)
  }

  @Test @Loop func `what an aggregate says in a moment is one step, with repetitions and up to a gap`() async throws {
    let world = try await World()
    let subject = UniqueID(at: .now)
    let passed = [1, 2, 2, 3, 1, 5, 4].map { world.pass(subject, $0) }
    var outcomes: [Bool] = []
    for promise in passed { outcomes.append(try await promise.value) }
    #expect(outcomes == [true, true, true, true, true, false, true])
    #expect(try await world.version(of: subject) == 4)
    // Heard again by a replica that does not know that they have passed.
    let again = (2...6).map { world.pass(subject, $0) }
    for promise in again { #expect(try await promise.value) }
    #expect(try await world.version(of: subject) == 6)
  }

  @Test @Loop func `an event does not pass those of its aggregate that are parked`() async throws {
    let world = try await World()
    let subject = UniqueID(at: .now)
    #expect(try await world.pass(subject, 1).value)
    try await world.database.query("update mesh_inbox set has_parked = true where subject = \(subject)")
    #expect(try await world.pass(subject, 2).value == false)
    #expect(try await world.version(of: subject) == 1)
  }

  @Test @Loop func `whoever needs an aggregate's place does not wait for the moment to end`() async throws {
    let world = try await World()
    let subjects = (0..<2).map { _ in UniqueID(at: .now) }
    _ = subjects.map { world.pass($0, 1) }
    await world.bystander.settle(subjects[0], of: "notes")
    #expect(try await world.version(of: subjects[0]) == 1)
    // Also while something is being written.
    let late = world.pass(subjects[1], 2)
    world.bystander.close()
    await world.bystander.settle(subjects[1], of: "notes")
    #expect(try await late.value)
    #expect(try await world.version(of: subjects[1]) == 2)
    await #expect(throws: CancellationError.self) { try await world.pass(subjects[1], 3).value }
  }

  @Test @Loop func `many pass together, and none is taken for another`() async throws {
    let world = try await World()
    let subjects = (0..<2400).map { _ in UniqueID(at: .now) }
    // Every third one comes too early.
    let passed = subjects.enumerated().map { index, subject in world.pass(subject, index % 3 == 0 ? 2 : 1) }
    #expect(world.bystander.isFull)
    for (index, promise) in passed.enumerated() { #expect(try await promise.value == (index % 3 != 0)) }
    #expect(!world.bystander.isFull)
    #expect(try await world.database.query("select count(*) from mesh_inbox")[0].decode(Int.self) == 1600)
  }
}
