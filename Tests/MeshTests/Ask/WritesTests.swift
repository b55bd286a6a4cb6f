import Contract
import EventLoop
import Postgres
import TestKit
import Testing

@testable import Mesh

/// Idempotent writes against a real database, within this process.
@Suite(.timeLimit(.minutes(2))) struct WritesTests {
  @Test @Loop func `the same request again gets the same answer and has one effect`() async throws {
    let world = try await WritesWorld()
    let first = await world.write(world.asked("a", key: "k"))
    #expect(first == Answer(.reply, status: 201, body: Array("1".utf8)))
    #expect(await world.write(world.asked("a", key: "k")) == first)
    #expect(try await world.effects == 1)
  }

  @Test @Loop func `the same key with another body is refused`() async throws {
    let world = try await WritesWorld()
    _ = await world.write(world.asked("a", key: "k"))
    let other = await world.write(world.asked("b", key: "k"))
    #expect(other.status == 422)
    #expect(try await world.effects == 1)
  }

  @Test(arguments: [true, false]) @Loop
  func `while a request runs its client's copy is told so, and its other copy waits`(isHedge: Bool) async throws {
    let world = try await WritesWorld()
    let request = UniqueID(at: .now)
    // A hedge may overtake the request that it is to help.
    async let first = world.write(
      world.asked("a", key: "k", request: request, isHedge: !isHedge), slowly: .milliseconds(500))
    try await TestMesh.wait { world.runs == 1 }
    async let second = world.write(world.asked("a", key: "k", request: request, isHedge: isHedge))
    #expect(await world.write(world.asked("a", key: "k")).status == 409)
    let answers = await [first, second]
    #expect(answers[0] == answers[1] && answers[0].status == 201)
    #expect(try await world.effects == 1)
  }

  @Test @Loop func `many copies at once have one effect and one answer`() async throws {
    let world = try await WritesWorld()
    let asked = world.asked("a")
    var answers: [Answer] = []
    for _ in 0..<50 { Task { @Loop in answers.append(await world.write(asked)) } }
    try await TestMesh.wait { answers.count == 50 }
    #expect(Set(answers).count == 1)
    #expect(answers[0].status == 201)
    #expect(try await world.effects == 1)
  }

  private enum No: String, Refusal {
    case full
    var status: Int { 409 }
    var detail: String { "It is full." }
  }

  @Test @Loop func `a refusal undoes the work, is remembered, and is given again`() async throws {
    let world = try await WritesWorld()
    var runs = 0
    for _ in 0..<3 {
      let answer = await world.writes.answer(world.asked("a", key: "k")) { tx in
        runs += 1
        try await tx.query("insert into effects (note) values ('undone')")
        if runs == 1 { throw No.full }
        return Answer(.reply, status: 201, body: [])
      }
      #expect(answer.kind == .problem && answer.status == 409)
    }
    #expect(try await world.effects == 0)
  }

  @Test @Loop func `a refusal for what the first statement failed with is remembered`() async throws {
    let world = try await WritesWorld()
    try await world.database.query("create table places (number int primary key)")
    try await world.database.query("insert into places values (1)")
    for _ in 0..<2 {
      let answer = await world.writes.answer(world.asked("a", key: "k")) { tx in
        do {
          try await tx.query("insert into places values (1)")
        } catch let error as PostgresError where error.state == .uniqueViolation {
          throw No.full
        }
        return Answer(.reply, status: 201, body: [])
      }
      #expect(answer.kind == .problem && answer.status == 409)
      try await world.database.query("delete from places")
    }
  }

  @Test @Loop func `work that waits for nothing has one effect too`() async throws {
    let world = try await WritesWorld()
    var answers: [Answer] = []
    for number in 1...3 {
      answers.append(
        await world.writes.answer(world.asked("a", key: "k")) { tx in
          tx.send("insert into effects (note) values ('sent')")
          return Answer(.reply, status: 201, body: Array("\(number)".utf8))
        })
    }
    #expect(Set(answers) == [Answer(.reply, status: 201, body: Array("1".utf8))])
    #expect(try await world.effects == 1)
  }

  @Test @Loop func `while a request runs a copy that waits for nothing leaves no effect`() async throws {
    let world = try await WritesWorld()
    async let first = world.write(world.asked("a", key: "k"), slowly: .milliseconds(500))
    try await TestMesh.wait { world.runs == 1 }
    let copy = await world.writes.answer(world.asked("a", key: "k")) { tx in
      tx.send("insert into effects (note) values ('copy')")
      return Answer(.reply, status: 201, body: [])
    }
    #expect(copy.status == 409)
    #expect(await first.status == 201)
    #expect(try await world.effects == 1)
  }

  @Test @Loop func `what a repeated request would be refused now does not change its answer`() async throws {
    let world = try await WritesWorld()
    let first = await world.write(world.asked("a", key: "k"))
    #expect(first.status == 201)
    let refusedAtOnce = await world.writes.answer(world.asked("a", key: "k")) { _ in throw No.full }
    #expect(refusedAtOnce == first)
    let refusedByError = await world.writes.answer(world.asked("a", key: "k")) { tx in
      do { try await tx.query("select 1") } catch { throw No.full }
      return Answer(.reply, status: 204, body: [])
    }
    #expect(refusedByError == first)
    #expect(try await world.effects == 1)
  }

  @Test @Loop func `work that divides by zero has failed, and is not taken for a repeated request`() async throws {
    let world = try await WritesWorld()
    let answer = await world.writes.answer(world.asked("a", key: "k")) { tx in
      try await tx.query("select 1 / 0")
      return Answer(.reply, status: 204, body: [])
    }
    #expect(answer.kind == .failure && answer.status == 500)
    // Its transaction is undone behind the answer; until then the key is busy.
    try await TestMesh.wait { await world.write(world.asked("a", key: "k")).status == 201 }
  }

  @Test @Loop func `a failure is not remembered`() async throws {
    struct Bug: Error {}
    let world = try await WritesWorld()
    let failed = await world.writes.answer(world.asked("a", key: "k")) { _ in throw Bug() }
    #expect(failed.kind == .failure && failed.status == 500)
    // Its transaction is undone behind the answer; until then the key is busy.
    try await TestMesh.wait { await world.write(world.asked("a", key: "k")).status == 201 }
  }

  @Test @Loop func `a connection that breaks in the middle is overcome`() async throws {
    let world = try await WritesWorld()
    var attempts = 0
    let answer = await world.writes.answer(world.asked("a")) { tx in
      attempts += 1
      try await tx.query("insert into effects (note) values ('x')")
      if attempts == 1 { try await tx.query("select pg_terminate_backend(pg_backend_pid())") }
      return Answer(.reply, status: 201, body: [])
    }
    #expect(answer.status == 201)
    #expect(attempts == 2)
    #expect(try await world.effects == 1)
  }

  @Test @Loop func `what is stored of an answer is sealed, and old records are forgotten`() async throws {
    let world = try await WritesWorld()
    _ = await world.writes.answer(world.asked("secret-body", key: "k")) { _ in
      Answer(.reply, status: 200, body: Array("secret-answer".utf8))
    }
    _ = await world.write(world.asked("own"))
    let stored = try await world.database.query("select answer from mesh_answers")
    for row in stored {
      let bytes = try row.decode(column: 0, as: [UInt8].self)
      #expect(!String(decoding: bytes, as: UTF8.self).contains("secret"))
    }
    try await world.database.query("update mesh_answers set answered_at = now() - interval '2 hours'")
    #expect(try await Idempotency.forget(in: world.database) == 1)
    try await world.database.query("update mesh_answers set answered_at = now() - interval '25 hours'")
    #expect(try await Idempotency.forget(in: world.database) == 1)
  }

  @Test @Loop func `versions of an aggregate are gapless under concurrency and refusals`() async throws {
    struct Happened: Event {
      static let name = "test.happened"
      let subject: UniqueID
    }
    let world = try await WritesWorld()
    let subjects = (0..<3).map { _ in UniqueID(at: .now) }
    var done = 0
    for number in 0..<90 {
      Task { @Loop in
        _ = await world.writes.answer(world.asked("\(number)")) { tx in
          for subject in subjects.shuffled().prefix(2) { try tx.emit(Happened(subject: subject)) }
          if number % 3 == 0 { throw No.full }
          return Answer(.reply, status: 204, body: [])
        }
        done += 1
      }
    }
    try await TestMesh.wait { done == 90 }
    let rows = try await world.database.query(
      "select count(*), count(distinct version), max(version) from mesh_outbox group by subject")
    var total: Int64 = 0
    for row in rows {
      let (count, distinct, highest) = try row.decode(Int64.self, Int64.self, Int64.self)
      #expect(count == distinct && count == highest)
      total += count
    }
    #expect(total == 120)
  }
}
