import Contract
import EventLoop
import MessagingAPI
import Postgres
import PresenceAPI
import TestKit
import Testing

@testable import Messaging

@Suite struct MessagingStoreTests {
  let now = Timestamp("2026-03-01T12:00:00.123456Z")!

  @Loop private func open() async throws -> Database {
    let url = try await PostgresServer.shared().freshURL()
    let database = Database(.init(url: url, applicationName: "tests"))
    try await database.migrate(Migrations.all)
    return database
  }

  private func word(_ tag: Int64, _ block: Int64, _ hits: UInt64, _ first: Int, _ last: Int) -> SearchStore.Word {
    SearchStore.Word(
      tag: tag, block: SearchBlock(block), hits: hits, firstAt: now + .seconds(first), lastAt: now + .seconds(last))
  }

  @Test @Loop func `words of later messages are added to the rows that are there`() async throws {
    let database = try await open()
    defer { database.close() }
    let store = SearchStore(database)
    try await store.add([word(1, 0, 0b01, 1, 1), word(2, 0, 0b01, 1, 1)])
    try await store.add([word(1, 0, 1 << 63, 9, 9), word(1, 1, 0b1, 20, 20)])
    let hits = try await store.find([[1]], from: nil, until: now + .seconds(100), limit: 10)
    #expect(hits.map(\.block.number) == [1, 0])
    #expect(hits.map(\.hits) == [1, 1 << 63 | 1])
    #expect(hits.map(\.lastAt) == [now + .seconds(20), now + .seconds(9)])
  }

  @Test @Loop func `all words have to be in one message, in each conversation by its own tags`() async throws {
    let database = try await open()
    defer { database.close() }
    let store = SearchStore(database)
    // The first conversation has the words in one message of two, the second never together.
    try await store.add([
      word(11, 0, 0b011, 1, 2), word(12, 0, 0b110, 2, 3), word(21, 4, 0b01, 5, 5), word(22, 4, 0b10, 6, 6),
      word(13, 0, 0b111, 1, 3),
    ])
    func find(_ tags: [[Int64]], from: Int? = nil, until: Int = 100) async throws -> [SearchStore.Hit] {
      try await store.find(
        tags, from: from.map { now + .seconds($0) }, until: now + .seconds(until), limit: 10)
    }
    let both = try await find([[11, 21], [12, 22]])
    #expect(both.map(\.conversation) == [0] && both.map(\.hits) == [0b010])
    let first = try await find([[11, 21]])
    #expect(first.map(\.conversation) == [1, 0])
    #expect(try await find([[11], [12], [13]]).map(\.hits) == [0b010])
    #expect(try await find([[11, 21]], from: 3).map(\.conversation) == [1])
    #expect(try await find([[11, 21]], until: 4).map(\.conversation) == [0])
    #expect(try await find([[99]]).isEmpty)
  }

  @Test @Loop func `presence that is not told again lapses, and what is told late is passed over`() async throws {
    let database = try await open()
    defer { database.close() }
    let store = PresenceStore(database)
    let ada = MemberID(at: now)
    func fact(_ status: PresenceStatus, _ version: Int64, _ audience: StatusAudience = .contacts) -> PresenceFact {
      PresenceFact(
        member: ada, status: status, lastActive: now, visibleTo: audience, doNotDisturb: false, version: version)
    }
    func find(after seconds: Int = 0) async throws -> Conversation.Presence? {
      try await store.find([ada], now: now + .seconds(seconds))[ada]
    }
    #expect(try await find() == nil)
    try await store.put(fact(.busy, 2), now: now)
    try await store.put(fact(.online, 1), now: now)
    #expect(try await find() == .init(status: "busy", lastActive: now))
    #expect(try await find(after: 1199)?.status == "busy")
    #expect(try await find(after: 1200)?.status == "offline")
    try await store.put(fact(.online, 3, .nobody), now: now)
    #expect(try await find() == .init(status: "offline", lastActive: nil))
  }

  @Test @Loop func `who is the provider follows from who is one and who opened the conversation`() async throws {
    let database = try await open()
    defer { database.close() }
    let (ada, ben) = (MemberID(at: now), MemberID(at: now))
    try await database.query("insert into members (id) values (\(ada)), (\(ben))")
    let id = ConversationID(at: now)
    let roster = Roster(.direct, opener: ada, others: [ben], now: now)
    _ = try await ConversationStore(database).add(
      id, roster, opener: ada, provider: nil, label: nil, key: .init(bytes: [1], masterID: 1), now: now)
    for (providers, expected) in [([ada], ada), ([ada, ben], ben), ([ben], ben), ([], nil)] as [([MemberID], MemberID?)]
    {
      try await database.query("update members set is_provider = id = any(\(providers))")
      try await ResponseStore(database).assignProviders(in: ada)
      let provider = try await database.query("select provider_id from conversations")[0]
        .decode(column: 0, as: MemberID?.self)
      #expect(provider == expected)
    }
  }

  @Test @Loop func `quiet hours and metrics come back as they were stored`() async throws {
    let database = try await open()
    defer { database.close() }
    let store = ResponseStore(database)
    let ada = MemberID(at: now)
    try await store.save((1320, 420, "Europe/Berlin"), of: ada)
    #expect(
      try await store.quietHours(of: ada) == Messaging.QuietHours(start: 1320, end: 420, timezone: "Europe/Berlin"))
    try await store.save(nil, of: ada)
    #expect(try await store.quietHours(of: ada) == nil)
    #expect(try await store.metrics(of: ada)?.isHidden == nil)
    try await database.query("insert into members (id, is_provider) values (\(ada), true)")
    #expect(
      try await store.metrics(of: ada)?.summary == ResponseSummary(samples: 0, rate: nil, average: nil, median: nil))
    let summary = ResponseSummary(samples: 4, rate: 0.75, average: .seconds(90), median: .milliseconds(1500))
    try await store.save(summary, of: ada, now: now)
    try await store.hide(true, of: ada)
    let metrics = try #require(try await store.metrics(of: ada))
    #expect((metrics.summary, metrics.updatedAt, metrics.isHidden) == (summary, now, true))
  }
}
