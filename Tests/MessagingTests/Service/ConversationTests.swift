import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres
import ServiceKit
import Testing

/// Conversations and who is in them, as clients see them.
@Suite(.timeLimit(.minutes(3))) struct ConversationTests {
  @Test @Loop func `a pair has one conversation, however many open it at once`() async throws {
    let world = try await MessagingWorld(replicas: 2)
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let tasks = (0..<12).map { index in
      Task { @Loop in try await (index % 2 == 0 ? ada : ben).open(with: index % 2 == 0 ? ben : ada).id }
    }
    var ids: Set<ConversationID> = []
    for task in tasks { ids.insert(try await task.value) }
    let id = try #require(ids.first)
    #expect(ids.count == 1)
    #expect(try await world.events(about: id.value) == ["messaging.conversation-opened"])

    let shown = try await ben.show(id).get()
    #expect((shown.kind, shown.lastSeq, shown.unread, shown.participants.count) == (.direct, 0, 0, 2))
    #expect(Set(shown.participants.compactMap(\.firstName)) == ["Ada", "Ben"])
    let stranger = try await world.member("Eve")
    #expect(try await stranger.show(id).problem?.status == 404)
    #expect(try await stranger.send("hi", to: id).reply.problem?.code == "conversation_not_found")
    #expect(try await stranger.conversations().items.isEmpty)
    try await world.end()
  }

  @Test @Loop func `what cannot be a conversation is refused by its fields`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    func pointer(_ request: OpenConversation) async throws -> String? {
      let problem = try await ada.ask(request).problem
      return problem?.status == 422 ? problem?.errors?.first?.pointer : nil
    }
    let nobody = MemberID(at: Timestamp(microseconds: 0))
    #expect(try await pointer(OpenConversation(kind: .direct, participantIds: [ada.id])) == "/participantIds")
    #expect(try await pointer(OpenConversation(kind: .direct, participantIds: [])) == "/participantIds")
    #expect(try await pointer(OpenConversation(kind: .direct, participantIds: [nobody])) == "/participantIds/0")
    #expect(
      try await pointer(OpenConversation(kind: .group, participantIds: [ben.id, nobody])) == "/participantIds/1")
    #expect(
      try await pointer(
        OpenConversation(kind: .direct, participantIds: [ben.id], title: try Title("Us"))) == "/title")
    #expect(
      try await pointer(
        OpenConversation(
          kind: .group, participantIds: [], metadata: ["long": String(repeating: "x", count: 257)])) == "/metadata")
    try await world.end()
  }

  @Test @Loop func `somebody who has just registered is waited for`() async throws {
    let world = try await MessagingWorld()
    let ada = try await world.member()
    let late = MemberID(at: .now)
    let opening = Task { @Loop in try await ada.ask(OpenConversation(kind: .direct, participantIds: [late])).get() }
    try await Loop.sleep(for: .milliseconds(300))
    try await world.database.query("insert into members (id, first_name, last_name) values (\(late), 'Ben', 'B')")
    #expect(try await opening.value.conversation.participants.count == 2)
    try await world.end()
  }

  @Test @Loop func `lists are paged, with pinned conversations on top and archived ones apart`() async throws {
    let world = try await MessagingWorld()
    let ada = try await world.member()
    var ids: [ConversationID] = []
    for _ in 0..<5 { ids.append(try await ada.open(with: world.member("Ben")).id) }
    func change(_ index: Int, _ archived: Bool? = nil, _ muted: Bool? = nil, _ pinned: Bool? = nil) async throws {
      _ = try await ada.ask(
        ChangeMembership(conversation: ids[index], archived: archived, muted: muted, pinned: pinned),
        path: ["conversation": ids[index].description]
      ).get()
    }
    try await change(1, nil, nil, true)
    try await change(2, true)
    let first = try await ada.conversations("limit=2")
    let second = try await ada.conversations("limit=2&cursor=\(first.nextCursor ?? "")")
    #expect(first.items.map(\.id) == [ids[1], ids[4]] && first.items.map(\.pinned) == [true, false])
    #expect(second.items.map(\.id) == [ids[3], ids[0]] && second.nextCursor == nil)
    #expect(try await ada.conversations("archived=true").items.map(\.id) == [ids[2]])

    let ben = try await ada.show(ids[2]).get().participants.first { $0.id != ada.id }
    _ = try await Member(world: world, id: ben!.id).say("back", to: ids[2])
    #expect(try await ada.conversations("archived=true").items.isEmpty)
    #expect(try await ada.conversations().items.map(\.id) == [ids[1], ids[2], ids[4], ids[3], ids[0]])
    #expect(try await ada.ask(Conversations(), query: "cursor=nonsense").problem?.errors?.first?.pointer == "?cursor")
    try await world.end()
  }

  @Test @Loop func `what a group is called is sealed, also what an earlier version stored`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let group = try await ada.group(with: [ben], title: "Sopranos")
    let path: PathValues = ["conversation": group.id.description]
    func shown() async throws -> [String?] {
      let one = try await ben.show(group.id).get()
      return [one.title?.text, one.metadata["about"]]
    }
    func stored() async throws -> String {
      try await world.database.query(
        "select concat_ws(' ', title, metadata, encode(label, 'escape')) from conversations where id = \(group.id)")[0]
        .decode(column: 0)
    }
    _ = try await ada.ask(ChangeConversation(conversation: group.id, metadata: ["about": "singing"]), path: path).get()
    #expect(try await shown() == ["Sopranos", "singing"])
    let change = ChangeConversation(conversation: group.id, title: try Title("Altos"))
    #expect(try await ada.ask(change, path: path).get().metadata == ["about": "singing"])
    #expect(try await shown() == ["Altos", "singing"])
    #expect(try await stored().hasPrefix("{} "))

    // A replica of the version before is still there, and stores it as it did.
    try await world.database.query("update conversations set title = 'Basses' where id = \(group.id)")
    #expect(try await shown() == ["Basses", "singing"])
    try await world.start(1, masterKey: MessagingWorld.masterKey(1))
    #expect(try await stored().hasPrefix("{} "))
    #expect(try await shown() == ["Basses", "singing"])
    try await world.end()
  }

  @Test @Loop func `members join and leave a group, which tells of it`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben, eve) = (try await world.member(), try await world.member("Ben"), try await world.member("Eve"))
    let group = try await ada.group(with: [ben])
    let path: (Member) -> [(name: String, value: String)] = { one in
      [("conversation", group.id.description), ("user", one.id.description)]
    }
    _ = try await ada.say("before", to: group.id)
    let added = try await ada.ask(
      AddParticipants(conversation: group.id, participantIds: [eve.id]), path: ["conversation": group.id.description]
    ).get()
    #expect(added.participants.map(\.id) == [ada.id, ben.id, eve.id])
    #expect(try await eve.messages(of: group.id).map(\.notice) == [Notice(.joined, [eve.id])])
    #expect(try await ben.messages(of: group.id).map(\.seq) == [1, 2])
    #expect(
      try await ben.ask(
        RemoveParticipant(conversation: group.id, user: eve.id), path: PathValues(path(eve))
      ).problem?.code == "not_allowed")

    _ = try await ada.ask(RemoveParticipant(conversation: group.id, user: ada.id), path: PathValues(path(ada))).get()
    #expect(try await ada.show(group.id).problem?.status == 404)
    let left = try await ben.show(group.id).get()
    #expect(left.participants.map(\.role) == [.owner, .member])
    #expect(left.lastMessage?.notice == Notice(.left, [ada.id]))
    #expect(
      try await world.events(about: group.id.value) == [
        "messaging.conversation-opened", "messaging.message-sent", "messaging.participants-joined",
        "messaging.participant-left",
      ])
    try await world.end()
  }

  @Test @Loop func `blocked members cannot write to one another until it is taken back`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben, eve) = (try await world.member(), try await world.member("Ben"), try await world.member("Eve"))
    let id = try await ada.open(with: ben).id
    let earlier = try await ben.say("hello", to: id)
    let path: PathValues = ["user": ben.id.description]
    for _ in 0..<2 { _ = try await ada.ask(Block(user: ben.id), path: path).get() }
    for one in [ada, ben] {
      #expect(try await one.send("no", to: id).reply.problem.map { [$0.code, "\($0.status)"] } == ["blocked", "403"])
    }
    #expect(try await ben.ask(OpenConversation(kind: .direct, participantIds: [ada.id])).problem?.code == "blocked")
    #expect(
      try await ben.ask(
        EditMessage(message: earlier.id, body: try MessageBody("worse")), path: ["message": earlier.id.description]
      ).problem?.code == "blocked")
    let group = try await ada.group(with: [eve])
    #expect(
      try await ada.ask(
        AddParticipants(conversation: group.id, participantIds: [ben.id]),
        path: ["conversation": group.id.description]
      ).problem?.code == "blocked")
    #expect(try await ada.ask(Blocks(), query: "").get().items.map(\.userId) == [ben.id])
    #expect(try await ben.ask(Blocks(), query: "").get().items.isEmpty)
    #expect(try await ada.ask(Block(user: ada.id), path: ["user": ada.id.description]).problem?.code == "yourself")
    let nobody = MemberID(at: .now)
    #expect(try await ada.ask(Block(user: nobody), path: ["user": nobody.description]).problem?.status == 404)

    for _ in 0..<2 { _ = try await ada.ask(Unblock(user: ben.id), path: path, query: "").get() }
    #expect(try await ben.send("again", to: id).status == 201)
    #expect(
      try await world.events(about: ada.id.value) == ["messaging.member-blocked", "messaging.member-unblocked"])
    try await world.end()
  }
}
