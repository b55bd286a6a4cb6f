import EventLoop
import Wire

/// What the mesh is for, played by two members with real clients: they register, find one another and talk, one goes away
/// and misses nothing. Whatever happens is checked, and the first thing that is off ends it.
@Loop final class Journey {
  private static let skill = "guitar"

  private let gateway: GatewayClient
  private let stage: Stage
  private let mara: DemoMember
  private let jonas: DemoMember
  private var pusher: PusherSocket!
  private var socketIO: SocketIOSocket!
  private var conversation = ""
  /// The number of the last message, and where the conversation's channel was behind the last one that Mara was told.
  private var lastSeq = 0
  private var position: String?

  init(_ gateway: GatewayClient) {
    self.gateway = gateway
    stage = gateway.stage
    mara = DemoMember("Mara", of: gateway)
    jonas = DemoMember("Jonas", of: gateway)
  }

  /// Plays all of it. Throws the `Failure` of the first scene that goes wrong.
  func play() async throws {
    try await register()
    try await proveAddresses()
    try await fillProfiles()
    try await addSkills()
    try await comeOnline()
    try await findTeacher()
    try await openConversation()
    try await sayHello()
    try await typeAndRead()
    try await talk()
    try await goAway()
    try await comeBack()
    try await showMetrics()
    try await leave()
  }

  private var channel: String { Channels.conversation(conversation) }

  // MARK: Who they are

  private func register() async throws {
    try await stage.scene("Mara and Jonas register", in: ["gateway", "identity", "profiles"]) {
      let holds = (try await mara.register(), try await jonas.register())
      try expect(holds.0 > 0 && holds.0 == holds.1, "tokens that hold for a while", got: "\(holds)")
      // Profiles has heard of them by an event.
      for member in [mara, jonas] {
        let profile = try await member.ask("profiles", "GET", "/me", expecting: 200)
        try expect(profile["firstName"]?.string == member.name, member.name, got: "another name")
      }
      return "two accounts, with tokens for \(holds.0 / 60) minutes"
    }
  }

  private func proveAddresses() async throws {
    try await stage.scene("They prove their addresses", in: ["gateway", "identity"]) {
      for member in [mara, jonas] {
        let isProven = try await member.proveAddress()
        try expect(isProven, "\(member.name)'s address to be proven", got: "emailVerified is not true")
      }
      return "the mails' tokens were taken, and they have signed in anew"
    }
  }

  private func fillProfiles() async throws {
    try await stage.scene("They fill in their profiles", in: ["gateway", "profiles"]) {
      let texts: [(DemoMember, GatewayClient.Body)] = [
        (
          mara,
          [
            "bio": "I play at weddings and teach in the evenings.", "location": "Graz, Austria",
            "timezone": "Europe/Vienna", "languages": ["de-AT", "en"], "learningStyle": "auditory",
          ]
        ),
        (
          jonas,
          [
            "bio": "I want to accompany my own songs.", "location": "Linz, Austria", "timezone": "Europe/Vienna",
            "languages": ["de-AT"], "learningStyle": "visual",
          ]
        ),
      ]
      var percents: [Int] = []
      for (member, text) in texts {
        let profile = try await member.ask("profiles", "PATCH", "/me", text, expecting: 200)
        try expect(profile["bio"]?.string == text["bio"] as? String, "the text that was sent", got: "another one")
        percents.append(profile["completeness"]?["percent"]?.integer() ?? 0)
      }
      try expect(percents.allSatisfy { $0 > 20 }, "fuller profiles than at first", got: "\(percents) percent")
      return "\(percents[0]) and \(percents[1]) percent of a whole profile"
    }
  }

  private func addSkills() async throws {
    try await stage.scene("Mara teaches the guitar, Jonas wants to learn it", in: ["gateway", "profiles"]) {
      let found = try await mara.ask("profiles", "GET", "/skills?q=\(Self.skill)", expecting: 200)
      guard let skill = found["items"]?.elements.first(where: { $0["slug"]?.string == Self.skill })?["id"]?.string
      else { throw Unexpected("the skill \(Self.skill)", got: "none") }
      let offered = try await mara.ask(
        "profiles", "POST", "/me/skills",
        ["skillId": skill, "kind": "teaching", "proficiency": 88, "description": "Fingerstyle"], expecting: 201)
      try await jonas.ask(
        "profiles", "POST", "/me/skills", ["skillId": skill, "kind": "learning", "proficiency": 10], expecting: 201)
      let tier = offered["tier"]?.string ?? ""
      try expect(tier == "expert", "88 to be an expert's proficiency", got: tier)
      return "she is an \(tier); who teaches is measured by their answers"
    }
  }

  // MARK: How they find one another

  private func comeOnline() async throws {
    try await stage.scene("Mara opens the app: Pusher Channels", in: ["gateway", "presence"]) {
      pusher = try await PusherSocket.connect(to: gateway, token: mara.token, device: "phone")
      _ = try await pusher.subscribe(Channels.member(mara.id), asking: "messaging")
      let view = try await jonas.wait(for: "Mara to be online", "presence", "/users/presence/\(mara.id)") {
        $0["status"]?.string == "online"
      }
      return "Jonas sees her: \(view["lastActiveText"]?.string ?? "online")"
    }
  }

  private func findTeacher() async throws {
    try await stage.scene("Jonas looks for a guitar teacher who is there now", in: ["gateway", "profiles"]) {
      let query = "/users?skill=\(Self.skill)&minTier=expert&onlineStatus=online&sort=newest"
      let id = mara.id
      func card(_ page: JSONValue) -> JSONValue? { page["items"]?.elements.first { $0["id"]?.string == id } }
      let page = try await jonas.wait(for: "Mara to be found", "profiles", query) { card($0) != nil }
      let shown = card(page)?["presence"]?["status"]?.string ?? "nothing"
      try expect(shown == "online", "her card to show that she is online", got: shown)
      let profile = try await jonas.ask("profiles", "GET", "/users/\(mara.id)", expecting: 200)
      try expect(profile["isProvider"]?.boolean == true, "a profile of somebody who teaches", got: "another one")
      try expect(profile["email"] == nil, "a profile without an address", got: "her address")
      return "her card: \(mara.name), \(profile["location"]?.string ?? ""), online"
    }
  }

  // MARK: How they talk

  private func openConversation() async throws {
    try await stage.scene("Jonas opens a conversation: Socket.IO", in: ["gateway", "messaging"]) {
      let opened = try await jonas.ask(
        "messaging", "POST", "/conversations", ["kind": "direct", "participantIds": [mara.id]], expecting: 201)
      guard let id = opened["id"]?.string else { throw Unexpected("a conversation", got: "none") }
      conversation = id
      socketIO = try await SocketIOSocket.connect(to: gateway, token: jonas.token, device: "laptop")
      let answer = try await socketIO.subscribe(channel)
      let members = answer["members"]?.elements.compactMap { $0["userId"]?.string } ?? []
      try expect(members == [jonas.id], "Jonas alone in the channel", got: "\(members.count) members")
      return "he is there, and waits for her"
    }
  }

  private func sayHello() async throws {
    let hello = "Hello Mara, do you have time for a first lesson tonight?"
    try await stage.scene("Jonas writes; Mara sees the badge and opens it", in: ["gateway", "messaging"]) {
      lastSeq = try await jonas.write(hello, in: conversation)
      let badge = try await pusher.heard.next("conversation.updated") { $0["lastSeq"]?.integer() == self.lastSeq }
      let unread = badge.data["unread"]?.integer(Int.self)
      try expect(unread == 1, "a badge that says 1", got: "\(unread.map(String.init) ?? "none")")
      let standing = try await pusher.subscribe(channel, asking: "messaging")
      position = standing.position
      let ids = Set(standing.data["presence"]?["ids"]?.elements.compactMap(\.string) ?? [])
      try expect(ids == [mara.id, jonas.id], "both of them in the channel", got: "\(ids.count) members")
      let joined = try await socketIO.heard.next("presence.joined")
      try expect(joined.data["userId"]?.string == mara.id, "Jonas to be told that Mara has come", got: "somebody else")
      let history = try await messages(of: mara, after: 0)
      try expect(history == [hello], "his message", got: "\(history.count) messages")
      return "each sees that the other is there"
    }
  }

  private func typeAndRead() async throws {
    try await stage.scene("They type and read, live on both dialects", in: ["gateway", "messaging"]) {
      try pusher.type(on: channel)
      let began = ContinuousClock.now
      let typing = try await socketIO.heard.next("typing.started")
      stage.tell("gateway", "Mara types, Jonas is told", "heard", .now - began)
      try expect(typing.data["userId"]?.string == mara.id, "Jonas to be told that Mara types", got: "somebody else")
      try await mara.read(upTo: lastSeq, in: conversation)
      let receipt = try await socketIO.heard.next("receipt.updated") { $0["userId"]?.string == self.mara.id }
      let seq = receipt.data["readSeq"]?.integer(Int.self)
      try expect(seq == lastSeq, "a receipt up to \(lastSeq)", got: "\(seq ?? 0)")
      try await say("Gladly. Shall we begin at eight?", mara, jonas)
      try await socketIO.type(on: channel)
      let answering = try await pusher.heard.next("typing.started") { $0["userId"]?.string == self.jonas.id }
      try expect(
        answering.data["conversationId"]?.string == conversation, "typing in this conversation", got: "another one")
      try await jonas.read(upTo: lastSeq, in: conversation)
      _ = try await pusher.heard.next("receipt.updated") { $0["userId"]?.string == self.jonas.id }
      return "typing, receipts and messages, both ways"
    }
  }

  private func talk() async throws {
    try await stage.scene("They go on talking", in: ["gateway", "messaging"]) {
      try await say("Eight is fine. Steel strings or nylon?", jonas, mara)
      try await say("Nylon, they are kinder to your fingers.", mara, jonas)
      try await say("And do I need a capo?", jonas, mara)
      try await say("Not for a start.", mara, jonas)
      return "\(lastSeq) messages, numbered without a gap"
    }
  }

  /// One writes, and the other's socket is told the same.
  private func say(_ body: String, _ writer: DemoMember, _ reader: DemoMember) async throws {
    let began = ContinuousClock.now
    let seq = try await writer.write(body, in: conversation)
    let heard = reader === mara ? pusher.heard : socketIO.heard
    let event = try await heard.next("message.sent") { $0["seq"]?.integer() == seq }
    stage.tell("gateway", "\(writer.name) writes, \(reader.name)'s socket is told", "heard", .now - began)
    try expect(event.data["body"]?.string == body, "\(reader.name) to be told “\(body)”", got: "another text")
    try expect(seq == lastSeq + 1, "message \(lastSeq + 1)", got: "message \(seq)")
    lastSeq = seq
    // What a member writes comes to their own other devices too.
    if writer === mara {
      position = try await pusher.heard.next("message.sent") { $0["seq"]?.integer() == seq }.position
    } else {
      _ = try await socketIO.heard.next("message.sent") { $0["seq"]?.integer() == seq }
      if reader === mara { position = event.position }
    }
  }

  // MARK: How one goes away, and misses nothing

  private let missed = [
    "One more thing:", "I have an old twelve-string in the attic.", "Is that of any use?", "It was my uncle's.",
    "I can bring it along.",
  ]

  private func goAway() async throws {
    try await stage.scene("Mara's train enters a tunnel; Jonas writes on", in: ["gateway", "messaging"]) {
      pusher.cut()
      let left = try await socketIO.heard.next("presence.left")
      try expect(left.data["userId"]?.string == mara.id, "Jonas to be told that Mara is gone", got: "somebody else")
      for body in missed {
        let seq = try await jonas.write(body, in: conversation)
        try expect(seq == lastSeq + 1, "message \(lastSeq + 1)", got: "message \(seq)")
        lastSeq = seq
      }
      return "her socket is cut, and \(missed.count) messages wait for her"
    }
  }

  private func comeBack() async throws {
    try await stage.scene("Mara comes back, and misses nothing", in: ["gateway", "messaging"]) {
      guard let position else { throw Unexpected("a position to go on from", got: "none") }
      pusher = try await PusherSocket.connect(to: gateway, token: mara.token, device: "phone")
      _ = try await pusher.subscribe(channel, asking: "messaging", from: position)
      let first = lastSeq - missed.count + 1
      var heard: [String] = []
      for seq in first...lastSeq {
        let event = try await pusher.heard.next("message.sent") { $0["seq"]?.integer() == seq }
        heard.append(event.data["body"]?.string ?? "")
      }
      try expect(heard == missed, "what Jonas has written meanwhile", got: "\(heard.count) other messages")
      let history = try await messages(of: mara, after: first - 1)
      try expect(history == heard, "the same as she can read", got: "\(history.count) others")
      let (more, gaps) = (pusher.heard.take("message.sent"), pusher.heard.take("skillmesh:missed"))
      try expect(more.isEmpty && gaps.isEmpty, "each message once", got: "\(more.count) more, \(gaps.count) gaps")
      try await mara.read(upTo: lastSeq, in: conversation)
      _ = try await socketIO.heard.next("receipt.updated") { $0["readSeq"]?.integer() == self.lastSeq }
      return "\(heard.count) messages told from the history, each once and in order"
    }
  }

  private func messages(of member: DemoMember, after seq: Int) async throws -> [String] {
    let page = try await member.ask(
      "messaging", "GET", "/conversations/\(conversation)/messages?afterSeq=\(seq)&limit=100", expecting: 200)
    return page["items"]?.elements.compactMap { $0["body"]?.string } ?? []
  }

  // MARK: What is left of it

  private func showMetrics() async throws {
    try await stage.scene("How fast Mara answers is on her profile", in: ["gateway", "profiles", "messaging"]) {
      let profile = try await jonas.wait(for: "response metrics", "profiles", "/users/\(mara.id)") {
        $0["responseMetrics"]?["enoughData"]?.boolean == true
      }
      let rate = profile["responseMetrics"]?["responseRateText"]?.string ?? "nothing"
      let average = profile["responseMetrics"]?["averageText"]?.string ?? "nothing"
      try expect(rate == "100%", "100%", got: rate)
      let own = try await mara.ask("messaging", "GET", "/users/\(mara.id)/response-metrics", expecting: 200)
      let samples = own["samples"]?.integer(Int.self) ?? 0
      try expect(samples == 3, "3 questions that she has answered", got: "\(samples)")
      return "she answers \(rate) of those who ask, after \(average)"
    }
  }

  private func leave() async throws {
    try await stage.scene("They say goodbye", in: ["gateway", "identity"]) {
      socketIO.close()
      pusher.close()
      for member in [mara, jonas] {
        try await member.signOut()
        // Gateways hear that a sign-in was ended by a topic.
        try await gateway.waitUntilRefused(token: member.token)
      }
      return "their tokens open nothing any more"
    }
  }
}
