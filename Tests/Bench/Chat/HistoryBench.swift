import BenchKit
import Contract
import EventLoop
import Foundation
import Postgres

/// Pages of history and search in one conversation of a million messages: through gateway, topic and service, beside the
/// statements alone on the same PostgreSQL in the same run.
@Loop struct HistoryBench {
  static let about = """


    Then pages of 50 of the history of one conversation of a million messages, and search in it, one at a time, beside
    the statements alone. The million takes minutes to make.

      --messages N  how many messages that conversation has (default: 1000000; 0 leaves this out)
    """
  private static let page = 50
  private static let reach = 20.0

  /// What is asked: over HTTP, and of PostgreSQL alone.
  private struct Question {
    let name: String
    let path: @Loop (inout LongConversation.Dice) -> String
    let isWhole: (String) -> Bool
    let statement: @Loop (inout LongConversation.Dice) -> SQL
  }

  private let limit: Duration
  private let messages: Int

  init(limit: Duration, messages: Int) { (self.limit, self.messages) = (limit, messages) }

  func run(into report: inout Report) async throws {
    let mesh = try WholeMesh()
    defer { try? mesh.end() }
    let loading = ContinuousClock.now
    let long = try await LongConversation(messages, in: mesh)
    let seconds = Int((ContinuousClock.now - loading) / .seconds(1))
    _ = try WholeMesh.run(
      "/usr/bin/psql", [mesh.databaseURL, "-qc", "vacuum (analyze) messaging.messages, messaging.search_words"])
    var configuration = Database.Configuration(url: mesh.databaseURL, applicationName: "bench")
    // Some statements look at everything.
    (configuration.statementTimeout, configuration.queryTimeout) = (.seconds(600), .seconds(600))
    let database = Database(configuration)
    defer { database.close() }
    let rows: Int = try await database.query("select count(*)::integer from messaging.search_words")[0].decode(
      column: 0)
    report.tuning["history and search"] =
      "one conversation of \(messages) messages of 3 to 9 words out of \(LongConversation.words), made in \(seconds) s; "
      + "\(rows) rows of the search index; one request at a time, statements alone on an idle connection"
    var costs = try mesh.processes()
    costs.add("load", ProcessInfo.processInfo.processIdentifier)
    for question in try await questions(long, database) {
      let bare = try await measure(question, database)
      let mark = costs.mark()
      let whole = try await measure(question, long, mesh)
      var figure = Figure("\(question.name), p99", whole.milliseconds(0.99), "ms")
      figure.setting = "\(Report.format(Double(messages))) messages"
      (figure.reach, figure.lessIsBetter) = (Self.reach, true)
      figure.against = "statement alone \(bare.summary)"
      figure.costs = costs.costs(since: mark, for: whole.count)
      figure.note = "\(whole.count) asked, \(whole.summary)"
      report.add(figure)
    }
  }

  // MARK: What is asked

  private func questions(_ long: LongConversation, _ database: Database) async throws -> [Question] {
    let history = "/api/v1/conversations/\(long.id)/messages?limit=\(Self.page)"
    let columns: SQL = """
      id, conversation_id, seq, sender_id, client_id, notice, notice_members, reply_to, mentions, version, sent_at,
      edited_at, deleted_at, content
      """
    let rows: SQL = "select \(columns) from messaging.messages where conversation_id = \(long.id)::uuid"
    let last = messages - Self.page
    func isPage(_ body: String) -> Bool { body.components(separatedBy: #""seq":"#).count == Self.page + 1 }
    // Nobody can tell which tag is which word's; the one that occurs as often is as good.
    let tags = try await database.query(
      "select tag from messaging.search_words group by tag order by sum(bit_count(hits::bit(64))) desc, tag"
    ).decode(Int64.self)
    func tag(_ rank: Int) -> Int64 { tags[min(rank, tags.count - 1)] }
    func search(_ words: [Int]) -> String {
      let text = words.map(LongConversation.word).joined(separator: "+")
      return "/api/v1/messages/search?q=\(text)&conversationId=\(long.id)"
    }
    let frequent = 200
    return [
      Question(name: "history, 50 from anywhere") { dice in
        "\(history)&afterSeq=\(Int.random(in: 1...last, using: &dice))"
      } isWhole: {
        isPage($0)
      } statement: { dice in
        "\(rows) and seq > \(Int64.random(in: 1...Int64(last), using: &dice)) order by seq limit 50"
      },
      Question(name: "history, the newest 50") { _ in
        history
      } isWhole: {
        isPage($0)
      } statement: { _ in
        "\(rows) order by seq desc limit 50"
      },
      Question(name: "search, one word") { dice in
        search([LongConversation.rank(&dice)])
      } isWhole: { _ in
        true
      } statement: { dice in
        Self.find([tag(LongConversation.rank(&dice))])
      },
      Question(name: "search, two words") { dice in
        search([LongConversation.rank(&dice), Int.random(in: 0..<frequent, using: &dice)])
      } isWhole: { _ in
        true
      } statement: { dice in
        Self.find([tag(LongConversation.rank(&dice)), tag(Int.random(in: 0..<frequent, using: &dice))])
      },
      Question(name: "search, the commonest word") { _ in
        search([0])
      } isWhole: {
        isPage($0)
      } statement: { _ in
        Self.find([tag(0)])
      },
    ]
  }

  /// The blocks of messages in which words occur, as the service asks for a page.
  private static func find(_ tags: [Int64]) -> SQL {
    var (joins, hits): (SQL, SQL) = ("messaging.search_words w0", "w0.hits")
    for (index, tag) in tags.enumerated().dropFirst() {
      let word = SQL(trusted: "w\(index)")
      joins += " join messaging.search_words \(word) on \(word).tag = \(tag) and \(word).block = w0.block"
      hits += " & \(word).hits"
    }
    return """
      select w0.block, \(hits), w0.last_at from \(joins) where w0.tag = \(tags[0]) and (\(hits)) <> 0
      order by w0.block desc limit \(page + 2)
      """
  }

  // MARK: Measuring

  private func measure(
    _ question: Question, _ long: LongConversation, _ mesh: WholeMesh
  ) async throws -> LatencyHistogram {
    var dice = LongConversation.Dice(state: 2)
    let head = "Host: \(mesh.address)\r\nAuthorization: Bearer \(long.token)\r\n"
    let work = HTTPLoad.Work { _ in
      Array("GET \(question.path(&dice)) HTTP/1.1\r\n\(head)\r\n".utf8)
    } isRight: { _, answer in
      answer.status == 200 && question.isWhole(String(decoding: answer.body, as: UTF8.self))
    }
    let load = try await HTTPLoad(mesh.address, connections: 1, work)
    defer { load.close() }
    let result = try await load.run(.closed, for: limit)
    try result.check(question.name)
    return result.latencies
  }

  private func measure(_ question: Question, _ database: Database) async throws -> LatencyHistogram {
    var dice = LongConversation.Dice(state: 2)
    var latencies = LatencyHistogram()
    let begin = ContinuousClock.now
    while ContinuousClock.now < begin + limit / 2 {
      let start = ContinuousClock.now
      try await database.query(question.statement(&dice))
      latencies.record(ContinuousClock.now - start)
    }
    return latencies
  }
}
