import Contract
import Crypto
import EventLoop
import Kafka
import Postgres
import Telemetry
import TestKit
import Testing

@testable import Mesh

/// Pushes, from transactions to a gateway.
@Suite(.timeLimit(.minutes(2))) struct PushTests {
  struct BoardCleaned: Push, Equatable {
    static let name = "board.cleaned"
    let by: String
  }

  struct Whisper: Push {
    static let name = "whisper"
    static let isKept = false
    let text: String
  }

  /// A service with a database, and what a gateway hears of it.
  @Loop final class World {
    let service = TestMesh.freshService()
    let database: Database
    let outbox: PushOutbox
    let transactor: Transactor
    let channel = Channel.user(MemberID(at: .now))
    var heard: [PushMessage] = []
    private var feed: PushFeed?

    init() async throws {
      database = Database(.init(url: try await PostgresServer.shared().freshURL(), applicationName: "test"))
      try await database.migrate(RuntimeTables.migrations, recordedIn: RuntimeTables.record)
      try await TestMesh.makeTopics(for: [service])
      outbox = try TestMesh.pushes(of: service, in: database)
      let publisher = try Publisher(TestMesh.kafka(), database, log: .disabled, metrics: Metrics())
      transactor = Transactor(database, publisher, outbox)
    }

    /// Hears as a gateway whose root key is `root`. All tests are one group's members, one after the other.
    func listen(root: KeyRing = TestMesh.root) async throws {
      let feed = PushFeed(keys: .root(root), log: .disabled, metrics: Metrics()) { [unowned self] push in
        if push.channel == channel { heard.append(push) }
      }
      try feed.start(TestMesh.kafka(), instance: nil)
      self.feed = feed
    }

    var waiting: Int {
      get async throws { try await database.query("select count(*) from mesh_pushes")[0].decode(column: 0) }
    }

    func end() async {
      await feed?.stop(within: .seconds(2))
      await outbox.stop()
      database.close()
    }
  }

  @Test @Loop func `a committed push arrives once, opened, and leaves nothing behind`() async throws {
    let world = try await World()
    try await world.transactor.run(now: .now, timeout: .seconds(5)) { _, tx in
      try tx.push(BoardCleaned(by: "the caretaker"), to: world.channel, view: "full")
      tx.recheck(world.channel)
    }
    try await world.listen()
    try await TestMesh.wait { world.heard.count >= 2 }
    let push = try #require(world.heard.first { $0.kind == .kept })
    #expect(push.source == world.service)
    #expect(push.name == "board.cleaned")
    #expect(push.view == "full")
    #expect(push.data == Array(#"{"by":"the caretaker"}"#.utf8))
    #expect(world.heard.map(\.kind) == [.kept, .recheck])
    try await TestMesh.wait { try await world.waiting == 0 }
    await world.end()
  }

  @Test @Loop func `a push of work that is undone is never seen`() async throws {
    struct Undone: Error {}
    let world = try await World()
    await #expect(throws: Undone.self) {
      try await world.transactor.run(now: .now, timeout: .seconds(5)) { _, tx in
        try tx.push(BoardCleaned(by: "nobody"), to: world.channel)
        throw Undone()
      }
    }
    try await world.transactor.run(now: .now, timeout: .seconds(5)) { _, tx in
      try tx.push(BoardCleaned(by: "somebody"), to: world.channel)
    }
    try await world.listen()
    try await TestMesh.wait { !world.heard.isEmpty }
    #expect(world.heard.map(\.data) == [Array(#"{"by":"somebody"}"#.utf8)])
    await world.end()
  }

  @Test @Loop func `what a writer left behind is sent by a relay, once`() async throws {
    let world = try await World()
    let message = try PushMessage(
      BoardCleaned(by: "the dead"), id: UniqueID(at: .now), source: world.service, to: world.channel, view: nil)
    try await world.database.query(PushOutbox.write([world.outbox.row(of: message)], now: .now + .seconds(-3)))
    world.outbox.start()
    try await world.listen()
    try await TestMesh.wait { try await world.waiting == 0 }
    try await TestMesh.wait { !world.heard.isEmpty }
    #expect(world.heard.map(\.id) == [message.id])
    await world.end()
  }

  @Test @Loop func `neither table nor topic shows what a push says`() async throws {
    let ring = KeyRing(current: 1, keys: [1: SymmetricKey()])
    let message = try PushMessage(
      BoardCleaned(by: "a secret"), id: UniqueID(at: .now), source: "notes", to: .user(MemberID(at: .now)), view: nil)
    let sealed = message.sealed(by: ring)
    let shown = String(decoding: sealed.head + sealed.body, as: UTF8.self)
    #expect(!shown.contains("secret"))
    #expect(try PushMessage(sealed) { $0 == "notes" ? ring : nil } == message)
    var forged = PushMessage.Sealed(head: sealed.head, body: sealed.body)
    forged = PushMessage.Sealed(
      head: try PushMessage(
        BoardCleaned(by: ""), id: message.id, source: "notes", to: .user(MemberID(at: .now)), view: nil
      ).sealed(by: ring).head, body: forged.body)
    #expect(throws: SealError.notAuthentic) { _ = try PushMessage(forged) { _ in ring } }
    #expect(try PushMessage(sealed) { _ in nil } == nil)
  }

  @Test @Loop func `a head of another make is refused, whatever its length`() throws {
    let ring = KeyRing(current: 1, keys: [1: SymmetricKey()])
    let message = try PushMessage(
      Whisper(text: "hi"), id: UniqueID(at: .now), source: "notes", to: .user(MemberID(at: .now)), view: "full")
    #expect(message.kind == .passing)
    let sealed = message.sealed(by: ring)
    for length in 0..<sealed.head.count {
      let torn = PushMessage.Sealed(head: Array(sealed.head.prefix(length)), body: sealed.body)
      #expect(try PushMessage(torn) { _ in ring } == nil)
    }
  }
}
