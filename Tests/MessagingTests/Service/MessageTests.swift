import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres
import ServiceKit
import Testing

/// Messages, as clients see them.
@Suite(.timeLimit(.minutes(3))) struct MessageTests {
  @Test @Loop func `a message that is sent again is the first one`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    let first = try await ada.send("hello", to: id, clientID: "a-1")
    let again = try await ada.send("changed", to: id, clientID: "a-1")
    #expect((first.status, again.status) == (201, 200))
    let (message, repeated) = (try first.reply.get(), try again.reply.get())
    #expect(message == repeated && message.body == "hello" && message.seq == 1)
    #expect(message.clientMessageId?.text == "a-1")
    // Another's client may choose the same name.
    #expect(try await ben.send("hi", to: id, clientID: "a-1").reply.get().seq == 2)
    #expect(try await ada.messages(of: id).map(\.body) == ["hello", "hi"])
    try await world.end()
  }

  @Test @Loop func `many who write at once leave no gap, and each finds its own`() async throws {
    let world = try await MessagingWorld(replicas: 2)
    let people = [try await world.member(), try await world.member("Ben"), try await world.member("Eve")]
    let id = try await people[0].group(with: Array(people[1...])).id
    let tasks = (0..<90).map { index in
      Task { @Loop in
        // Every third one is sent twice at once.
        let name = "m-\(index - index % 3 / 2)"
        return try await people[index / 3 % 3].send("text \(index)", to: id, clientID: name).reply.get()
      }
    }
    var sent: [Message] = []
    for task in tasks { sent.append(try await task.value) }
    let all = try await people[1].messages(of: id, "afterSeq=0&limit=100")
    #expect(all.map(\.seq) == (1...Int64(all.count)).map { $0 })
    #expect(all.count == 60)
    #expect(Set(sent.map(\.id)) == Set(all.map(\.id)))
    #expect(zip(all, all.dropFirst()).allSatisfy { $0.createdAt <= $1.createdAt })
    try await world.end()
  }

  @Test @Loop func `who is refused does not hold up those who write at the same time`() async throws {
    let world = try await MessagingWorld()
    let (ada, eve) = (try await world.member(), try await world.member("Eve"))
    var ids: [ConversationID] = []
    for _ in 0..<8 { ids.append(try await ada.open(with: world.member("Ben")).id) }
    let tasks = (0..<80).map { index in
      Task { @Loop in try await (index % 2 == 0 ? ada : eve).send("text", to: ids[index / 2 % 8]).status }
    }
    for (index, task) in tasks.enumerated() { #expect(try await task.value == (index % 2 == 0 ? 201 : 404)) }
    for id in ids { #expect(try await ada.messages(of: id).map(\.seq) == [1, 2, 3, 4, 5]) }
    try await world.end()
  }

  @Test @Loop func `history is read both ways by places`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    for number in 1...12 { _ = try await ada.say("\(number)", to: id) }
    func seqs(_ query: String) async throws -> [Int64] { try await ben.messages(of: id, query).map(\.seq) }
    #expect(try await seqs("limit=3") == [10, 11, 12])
    #expect(try await seqs("limit=3&beforeSeq=10") == [7, 8, 9])
    #expect(try await seqs("limit=3&afterSeq=3") == [4, 5, 6])
    #expect(try await seqs("limit=9&afterSeq=3&beforeSeq=6") == [4, 5])
    #expect(try await seqs("afterSeq=12") == [])
    #expect(try await seqs("afterSeq=0&limit=100").count == 12)
    let path: PathValues = ["conversation": id.description]
    for (query, pointer) in [("limit=0", "?limit"), ("afterSeq=-1", "?afterSeq"), ("beforeSeq=x", "?beforeSeq")] {
      #expect(
        try await ben.ask(Messages(conversation: id), path: path, query: query).problem?.errors?.first?.pointer
          == pointer)
    }
    try await world.end()
  }

  @Test @Loop func `what a message refers to has to be there`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben, eve) = (try await world.member(), try await world.member("Ben"), try await world.member("Eve"))
    let id = try await ada.open(with: ben).id
    let other = try await ada.say("elsewhere", to: ada.open(with: eve).id)
    func pointers(_ replyTo: MessageID?, _ mentions: [MemberID]) async throws -> [String]? {
      try await ada.send("x", to: id, replyTo: replyTo, mentions: mentions).reply.problem?.errors?.map(\.pointer)
    }
    #expect(try await pointers(MessageID(at: .now), []) == ["/replyTo"])
    #expect(try await pointers(other.id, [ben.id, eve.id]) == ["/replyTo", "/mentions/1"])
    #expect(try await pointers(nil, [ben.id, ben.id]) == ["/mentions"])
    let first = try await ben.say("question", to: id)
    let reply = try await ada.send("answer", to: id, replyTo: first.id, mentions: [ben.id]).reply.get()
    #expect((reply.replyTo, reply.mentions, reply.seq) == (first.id, [ben.id], 2))
    try await world.end()
  }

  @Test @Loop func `messages are changed and taken back, and what they said is kept and gone`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    let message = try await ada.say("first", to: id)
    let path: PathValues = ["message": message.id.description]
    func edit(_ one: Member, _ text: String, _ mentions: [MemberID]? = nil) async throws -> Result<Message, Problem> {
      try await one.ask(
        EditMessage(message: message.id, body: try MessageBody(text), mentions: mentions), path: path)
    }
    #expect(try await edit(ben, "forged").problem?.code == "not_allowed")
    let edited = try await edit(ada, "second", [ben.id]).get()
    #expect((edited.body, edited.version, edited.mentions) == ("second", 2, [ben.id]))
    #expect(edited.editedAt != nil && edited.seq == 1)
    _ = try await edit(ada, "third").get()
    let edits = try await ben.ask(MessageEdits(message: message.id), path: path, query: "").get()
    #expect(edits.items.map(\.body) == ["first", "second"])
    let payload = try await world.database.query(
      "select payload from mesh_outbox where name = 'messaging.message-edited' order by version limit 1"
    )[0].decode(column: 0, as: String.self)
    #expect(payload.contains("\"newMentions\":[\"\(ben.id)\"]"))

    #expect(try await ben.ask(DeleteMessage(message: message.id), path: path, query: "").problem?.status == 403)
    _ = try await ada.ask(DeleteMessage(message: message.id), path: path, query: "").get()
    _ = try await ada.ask(DeleteMessage(message: message.id), path: path, query: "").get()
    let gone = try #require(try await ben.messages(of: id).first)
    #expect((gone.seq, gone.body, gone.version) == (1, nil, 4))
    #expect(gone.deletedAt != nil)
    #expect(try await edit(ada, "back").problem?.code == "message_deleted")
    #expect(try await ben.ask(MessageEdits(message: message.id), path: path, query: "").get().items.isEmpty)
    let stranger = try await world.member("Eve")
    #expect(try await edit(stranger, "x").problem?.code == "message_not_found")
    try await world.end()
  }

  @Test @Loop func `an edit against a deletion ends in a deletion, whoever is first`() async throws {
    let world = try await MessagingWorld(replicas: 2)
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    for _ in 0..<6 {
      let message = try await ada.say("text", to: id)
      let path: PathValues = ["message": message.id.description]
      let editing = Task { @Loop in
        try await ada.ask(EditMessage(message: message.id, body: try MessageBody("new")), path: path)
      }
      let deleting = Task { @Loop in try await ada.ask(DeleteMessage(message: message.id), path: path, query: "") }
      let edit = try await editing.value
      _ = try await deleting.value.get()
      #expect(edit.problem == nil || edit.problem?.code == "message_deleted")
      let last = try #require(try await ben.messages(of: id, "limit=1").first)
      #expect(last.body == nil && last.deletedAt != nil)
      #expect(last.version == (edit.problem == nil ? 3 : 2))
    }
    try await world.end()
  }

  @Test @Loop func `reactions are gathered by emoji`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    let message = try await ada.say("news", to: id)
    func path(_ emoji: String) -> PathValues { ["message": message.id.description, "emoji": emoji] }
    func react(_ one: Member, _ emoji: String) async throws -> Result<Message, Problem> {
      try await one.ask(AddReaction(message: message.id, emoji: Emoji(emoji)!), path: path(emoji))
    }
    _ = try await react(ben, "\u{1F44D}").get()
    _ = try await react(ada, "\u{1F389}").get()
    let all = try await react(ada, "\u{1F44D}").get()
    #expect(
      all.reactions == [
        .init(emoji: "\u{1F44D}", memberIds: [ben.id, ada.id]), .init(emoji: "\u{1F389}", memberIds: [ada.id]),
      ])
    #expect(try await react(ada, "\u{1F44D}").get().version == all.version)
    let removed = try await ben.ask(
      RemoveReaction(message: message.id, emoji: Emoji("\u{1F44D}")!), path: path("\u{1F44D}"), query: ""
    ).get()
    #expect(removed.reactions.map(\.memberIds) == [[ada.id], [ada.id]])
    #expect(try await ben.messages(of: id).first?.reactions == removed.reactions)
    for scalar in 0x1F600..<0x1F612 { _ = try await react(ben, String(Unicode.Scalar(scalar)!)).get() }
    #expect(try await react(ben, "\u{1F680}").problem?.code == "too_many_reactions")
    try await world.end()
  }

  @Test @Loop func `receipts rise, and what is unread follows from them`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    for number in 1...5 { _ = try await ada.say("\(number)", to: id) }
    #expect(try await ben.show(id).get().unread == 5)
    #expect(try await ada.show(id).get().unread == 0)
    #expect(
      try await ben.note(delivered: 4, in: id) == .init(deliveredSeq: 4, readSeq: 0, unread: 5))
    #expect(try await ben.note(read: 2, in: id) == .init(deliveredSeq: 4, readSeq: 2, unread: 3))
    #expect(try await ben.note(delivered: 1, read: 1, in: id) == .init(deliveredSeq: 4, readSeq: 2, unread: 3))
    #expect(try await ben.ask(UnreadTotals(), query: "").get() == .init(messages: 3, conversations: 1))
    #expect(try await ben.note(read: 99, in: id) == .init(deliveredSeq: 5, readSeq: 5, unread: 0))
    #expect(try await ben.ask(UnreadTotals(), query: "").get() == .init(messages: 0, conversations: 0))
    // Whoever writes has read what was there.
    _ = try await ada.say("6", to: id)
    _ = try await ben.say("7", to: id)
    #expect(try await ben.show(id).get().unread == 0)
    #expect(try await ada.show(id).get().unread == 1)
    let readers = try await ada.show(id).get().participants
    #expect(readers.first { $0.id == ben.id }?.readSeq == 7)
    try await world.end()
  }
}
