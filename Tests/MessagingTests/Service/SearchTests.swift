import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres
import ServiceKit
import Testing

/// Searching, as clients see it.
@Suite(.timeLimit(.minutes(3))) struct SearchTests {
  @Test @Loop func `messages are found by their words, by those who take part, the newest first`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben, eve) = (try await world.member(), try await world.member("Ben"), try await world.member("Eve"))
    let (first, second) = (try await ada.open(with: ben).id, try await ada.open(with: eve).id)
    _ = try await ada.say("Running shoes for the caf\u{E9}", to: first)
    _ = try await ben.say("I run every day", to: first)
    let third = try await eve.say("Let us run to the Cafe", to: second)
    func bodies(_ one: Member, _ query: String) async throws -> [String] {
      try await one.search(query).get().items.map { $0.message.body ?? "" }
    }
    try await world.wait("the index") { try await bodies(ada, "q=run").count == 3 }
    #expect(
      try await bodies(ada, "q=RUNS") == [
        "Let us run to the Cafe", "I run every day", "Running shoes for the caf\u{E9}",
      ])
    #expect(try await bodies(ada, "q=cafe%20run") == ["Let us run to the Cafe", "Running shoes for the caf\u{E9}"])
    #expect(try await bodies(ben, "q=run").count == 2)
    #expect(try await bodies(ada, "q=run&conversationId=\(second)") == ["Let us run to the Cafe"])
    #expect(try await bodies(ada, "q=run&senderId=\(ben.id)") == ["I run every day"])
    #expect(try await bodies(ada, "q=run&from=\(third.createdAt)") == ["Let us run to the Cafe"])
    #expect(try await bodies(ada, "q=run&to=\(third.createdAt)").count == 2)
    #expect(try await bodies(ada, "q=nothing") == [])
    let hit = try #require(try await ada.search("q=cafe&conversationId=\(first)").get().items.first)
    #expect(hit.highlights == [.init(start: 22, length: 4)])

    #expect(try await eve.search("q=run&conversationId=\(first)").problem?.status == 404)
    for query in ["q=", "q=...", "", "q=" + String(repeating: "x", count: 201)] {
      #expect(try await ada.search(query).problem?.status == 422)
    }
    try await world.end()
  }

  @Test @Loop func `pages follow one another without a gap, over many conversations`() async throws {
    let world = try await MessagingWorld()
    let ada = try await world.member()
    var ids: [ConversationID] = []
    for _ in 0..<4 { ids.append(try await ada.open(with: world.member("Ben")).id) }
    var sent: [MessageID] = []
    // Some conversations fill several blocks.
    for number in 0..<260 {
      let text = number % 2 == 0 ? "apple pie \(number)" : "apple tart \(number)"
      sent.append(try await ada.say(text, to: ids[number % 8 < 5 ? 0 : number % 4]).id)
    }
    try await world.wait("the index") {
      try await world.database.query("select from search_backlog").isEmpty
    }
    func all(_ query: String) async throws -> [MessageID] {
      var found: [MessageID] = []
      var cursor: String?
      repeat {
        let page = try await ada.search(query + (cursor.map { "&cursor=\($0)" } ?? "")).get()
        found += page.items.map(\.message.id)
        cursor = page.nextCursor
      } while cursor != nil
      return found
    }
    #expect(try await all("q=apple&limit=7") == sent.reversed())
    #expect(
      try await all("q=apple%20pie&limit=30")
        == sent.enumerated().filter { $0.offset % 2 == 0 }.map(\.element).reversed())
    #expect(try await all("q=pie%20tart") == [])
    try await world.end()
  }

  @Test @Loop func `what was changed is found by its new words, and what was deleted not at all`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    let message = try await ada.say("violin lessons", to: id)
    func count(_ query: String) async throws -> Int { try await ben.search(query).get().items.count }
    try await world.wait("the index") { try await count("q=violin") == 1 }
    let path: PathValues = ["message": message.id.description]
    _ = try await ada.ask(EditMessage(message: message.id, body: try MessageBody("cello lessons")), path: path).get()
    #expect(try await count("q=violin") == 0)
    #expect(try await count("q=cello") == 1)
    _ = try await ada.ask(DeleteMessage(message: message.id), path: path, query: "").get()
    #expect(try await count("q=cello") == 0)
    #expect(try await count("q=lessons") == 0)
    try await world.end()
  }

  @Test @Loop func `messages that are brought along stand before those that follow, and are found`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    let began = Timestamp("2020-01-01T00:00:00Z")!
    func bring(_ texts: [String], by writer: Member, after seconds: Int) async throws -> Result<Int64, Problem> {
      let messages = try texts.enumerated().map { index, text in
        ImportMessages.Written(
          senderId: writer.id, body: try MessageBody(text), sentAt: began + .seconds(seconds + index))
      }
      let request = ImportMessages(conversation: id, messages: messages)
      return try await world.ask(request, asService: "operator").map(\.lastSeq)
    }
    #expect(try await bring((1...70).map { "old pear \($0)" }, by: ada, after: 0).get() == 70)
    // What says that it is older than the one before it is not.
    #expect(try await bring(["ripe pear"], by: ben, after: 10).get() == 71)
    _ = try await ada.say("new pear", to: id)
    let messages = try await ben.messages(of: id, "afterSeq=69")
    #expect(messages.map(\.seq) == [70, 71, 72] && messages.map(\.body) == ["old pear 70", "ripe pear", "new pear"])
    #expect(messages[1].createdAt == began + .seconds(69))
    #expect(try await ben.show(id).get().unread == 1)
    try await world.wait("the index") { try await ben.search("q=pear&limit=100").get().items.count == 72 }
    #expect(try await ben.search("q=old+pear&limit=100").get().items.first?.message.seq == 70)

    let stranger = try await world.member("Eve")
    #expect(try await bring(["no"], by: stranger, after: 99).problem?.errors?.first?.pointer == "/messages/0/senderId")
    #expect(try await bring([], by: ada, after: 99).problem?.errors?.first?.pointer == "/messages")
    let foreign = ImportMessages(conversation: id, messages: [])
    #expect(try await world.ask(foreign, asService: "identity").problem?.code == "not_allowed")
    try await world.end()
  }
}
