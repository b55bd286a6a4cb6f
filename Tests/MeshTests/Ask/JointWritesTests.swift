import Contract
import EventLoop
import Postgres
import TestKit
import Testing

@testable import Mesh

/// Writes that share a commit, against a real database.
@Suite(.timeLimit(.minutes(2))) struct JointWritesTests {
  private enum No: String, Refusal {
    case full
    var status: Int { 409 }
    var detail: String { "It is full." }
  }

  private struct Told: Event {
    static let name = "test.told"
    let subject: UniqueID
    let number: Int
  }

  /// Writes a row that holds the request's body; `work` may do more.
  @Loop private func write(
    _ asked: Asked, in world: WritesWorld, _ work: @escaping @Loop (Tx) async throws -> Void = { _ in }
  ) -> Task<Answer, Never> {
    Task { @Loop in
      await world.jointWrites.answer(asked, .init(note: String(decoding: asked.body, as: UTF8.self), work: work))
    }
  }

  @Test @Loop func `requests that come together share commits, and each gets its own answer`() async throws {
    let world = try await WritesWorld()
    let answers = (0..<100).map { write(world.asked("\($0)"), in: world) }
    for (number, answer) in answers.enumerated() {
      #expect(await answer.value == Answer(.reply, status: 201, body: Array("\(number)".utf8)))
    }
    let counts = try await world.database.query(
      "select count(distinct note), count(*), count(distinct xmin::text) from effects")
    let (notes, rows, commits) = try counts[0].decode(Int64.self, Int64.self, Int64.self)
    #expect(notes == 100 && rows == 100)
    #expect(commits < 50)
  }

  @Test @Loop func `copies of one request have one effect and one answer, together and later`() async throws {
    let world = try await WritesWorld()
    let asked = world.asked("a", key: "k")
    for _ in 0..<2 {
      let answers = (0..<20).map { _ in write(asked, in: world) }
      for answer in answers { #expect(await answer.value == Answer(.reply, status: 201, body: Array("a".utf8))) }
    }
    #expect(try await world.effects == 1)
    #expect(await write(world.asked("b", key: "k"), in: world).value.status == 422)
  }

  @Test @Loop func `one that is at fault costs the others nothing but time`() async throws {
    let world = try await WritesWorld()
    let answers = (0..<40).map { number in
      write(world.asked("\(number)"), in: world) { tx in
        switch number % 10 {
        case 3: try await tx.query("select 1 / 0")
        case 7: throw No.full
        default: break
        }
      }
    }
    for (number, answer) in answers.enumerated() {
      let (kind, status) = await (answer.value.kind, answer.value.status)
      switch number % 10 {
      case 3: #expect(kind == .failure)
      case 7: #expect(kind == .problem && status == 409)
      default: #expect(kind == .reply && status == 201)
      }
    }
    #expect(try await world.effects == 32)
  }

  @Test @Loop func `one that waits does not hold up those behind it for long`() async throws {
    let world = try await WritesWorld()
    let gate = Promise<Void>()
    let first = write(world.asked("first"), in: world) { _ in try await gate.value }
    try await Loop.sleep(for: .milliseconds(1))
    let began = ContinuousClock.now
    let second = write(world.asked("second"), in: world)
    #expect(await second.value.status == 201)
    #expect(ContinuousClock.now - began >= .milliseconds(10), "they do not share a transaction, nor race")
    gate.fulfil(())
    #expect(await first.value.status == 201)
    #expect(try await world.effects == 2)
  }

  @Test @Loop func `a refusal is remembered`() async throws {
    let world = try await WritesWorld()
    for isFull in [true, false] {
      let answer = write(world.asked("a", key: "k"), in: world) { _ in if isFull { throw No.full } }
      #expect(await answer.value.status == 409)
    }
    #expect(try await world.effects == 0)
  }

  @Test @Loop func `events of one commit are numbered without a gap, each aggregate's by themselves`() async throws {
    let world = try await WritesWorld()
    let subjects = (0..<3).map { _ in UniqueID(at: .now) }
    let answers = (0..<60).map { number in
      write(world.asked("\(number)"), in: world) { tx in
        for part in 0..<2 { try tx.emit(Told(subject: subjects[number % 3], number: number * 2 + part)) }
      }
    }
    for answer in answers { #expect(await answer.value.status == 201) }
    for (index, subject) in subjects.enumerated() {
      let rows = try await world.database.query(
        "select version, payload from mesh_outbox where subject = \(subject) order by version")
      let events = try rows.map { try $0.decode(Int64.self, String.self) }
      #expect(events.map(\.0) == Array(1...40))
      // Those of one request follow one another.
      for number in stride(from: index, to: 60, by: 3) {
        let places = events.indices.filter { place in
          (0..<2).contains { events[place].1.contains("\"number\":\(number * 2 + $0)}") }
        }
        #expect(places.count == 2 && places[1] == places[0] + 1)
      }
    }
  }
}
