import Contract
import EventLoop
import Mesh
import MessagingAPI
import Postgres
import ServiceKit
import Testing

/// Response metrics, and what only the operator and other services may ask.
@Suite(.timeLimit(.minutes(3))) struct ProviderTests {
  private func metrics(of provider: Member, for one: Member) async throws -> Result<ResponseMetrics.Reply, Problem> {
    try await one.ask(ResponseMetrics(user: provider.id), path: ["user": provider.id.description], query: "")
  }

  @Test @Loop func `a provider's answers are measured, told of, and hidden if they like`() async throws {
    let world = try await MessagingWorld()
    let teacher = try await world.member("Tess", isProvider: true)
    var clients: [Member] = []
    for _ in 0..<3 {
      let client = try await world.member("Carl")
      let id = try await client.open(with: teacher).id
      _ = try await client.say("May I learn?", to: id)
      _ = try await client.say("Please?", to: id)
      _ = try await teacher.say("Yes.", to: id)
      _ = try await teacher.say("Gladly.", to: id)
      clients.append(client)
    }
    try await world.wait("the metrics") { try await metrics(of: teacher, for: teacher).get().samples == 3 }
    let own = try await metrics(of: teacher, for: teacher).get()
    #expect((own.enoughData, own.responseRatePercent, own.hidden) == (true, 100, false))
    #expect(own.averageText == "about 1 minute" && own.responseRateText == "100%")
    let others = try await metrics(of: teacher, for: clients[0]).get()
    #expect((others.responseRateText, others.samples, others.averageMinutes) == ("100%", nil, nil))
    #expect(try await metrics(of: clients[0], for: teacher).problem?.status == 404)
    #expect(try await world.events(about: teacher.id.value).last == "messaging.response-metrics-changed")

    _ = try await teacher.ask(HideResponseMetrics(hidden: true)).get()
    let hidden = try await metrics(of: teacher, for: clients[0]).get()
    #expect((hidden.responseRateText, hidden.enoughData, hidden.metricsLastUpdated) == (nil, false, nil))
    #expect(try await metrics(of: teacher, for: teacher).get().samples == 3)
    #expect(try await clients[0].ask(HideResponseMetrics(hidden: true)).problem?.status == 404)
    try await world.end()
  }

  @Test @Loop func `metrics that are worked out anew from the messages are the same`() async throws {
    let world = try await MessagingWorld()
    let (teacher, other) = (try await world.member("Tess", isProvider: true), try await world.member("Carl"))
    let id = try await other.open(with: teacher).id
    let lost = try await other.say("never mind", to: id)
    _ = try await other.ask(DeleteMessage(message: lost.id), path: ["message": lost.id.description], query: "").get()
    _ = try await other.say("question", to: id)
    _ = try await teacher.say("answer", to: id)
    _ = try await other.say("one more", to: id)
    func rows() async throws -> [[Int64?]] {
      try await world.database.query(
        """
        select asked_seq, null::bigint from response_samples union all
        select null, asked_seq from conversations order by 1
        """
      ).decode(Int64?.self, Int64?.self).map { [$0.0, $0.1] }
    }
    let before = try await rows()
    #expect(before == [[2, nil], [nil, 4]])
    try await world.database.query("delete from response_samples")
    try await world.database.query("update conversations set asked_seq = null, asked_at = null")
    let reply = try await world.ask(RecomputeMetrics(), asService: "operator").get()
    #expect(reply == .init(done: 1, next: nil))
    #expect(try await rows() == before)

    _ = try await teacher.ask(Block(user: other.id), path: ["user": other.id.description]).get()
    #expect(try await rows() == [[2, nil], [nil, nil]])
    _ = try await world.ask(RecomputeMetrics(), asService: "operator").get()
    #expect(try await rows() == [[2, nil], [nil, nil]])
    try await world.end()
  }

  @Test @Loop func `whoever becomes a provider has been one from the beginning; of two the one who was asked`()
    async throws
  {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    _ = try await ben.say("hello", to: id)
    _ = try await ada.say("hi", to: id)
    func provider() async throws -> MemberID? {
      try await world.database.query("select provider_id from conversations")[0].decode(column: 0)
    }
    #expect(try await provider() == nil)
    #expect(
      try await world.ask(AppointProvider(member: ada.id, isProvider: true), asService: "matching").problem?.code
        == "not_allowed")
    _ = try await world.ask(AppointProvider(member: ada.id, isProvider: true), asService: "operator").get()
    #expect(try await provider() == ada.id)
    try await world.wait("the history") {
      try await world.database.query("select from response_samples where provider_id = \(ada.id)").count == 1
    }
    _ = try await world.ask(AppointProvider(member: ben.id, isProvider: true), asService: "operator").get()
    #expect(try await provider() == ben.id)
    let nobody = AppointProvider(member: MemberID(at: .now), isProvider: true)
    #expect(try await world.ask(nobody, asService: "operator").problem?.status == 404)
    try await world.end()
  }

  @Test @Loop func `master keys change while messages are read and written`() async throws {
    let (one, two) = (MessagingWorld.masterKey(1), MessagingWorld.masterKey(2))
    let world = try await MessagingWorld(masterKey: one)
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let id = try await ada.open(with: ben).id
    _ = try await ada.say("kept", to: id)
    try await world.stopReplicas()
    try await world.start(0, masterKey: "\(two),\(one)")
    #expect(try await ben.messages(of: id).map(\.body) == ["kept"])
    let newer = try await ben.open(with: world.member("Eve")).id
    #expect(try await world.ask(RewrapKeys(), asService: "messaging-x").problem?.code == "not_allowed")
    #expect(try await world.ask(RewrapKeys(), asService: "operator").get() == .init(rewrapped: 1, left: 0))
    #expect(try await world.ask(RewrapKeys(), asService: "operator").get() == .init(rewrapped: 0, left: 0))
    try await world.stopReplicas()
    try await world.start(0, masterKey: two)
    #expect(try await ben.messages(of: id).map(\.body) == ["kept"])
    _ = try await ben.say("new", to: newer)
    try await world.end()
  }

  @Test @Loop func `what a member wrote is exported, and erased`() async throws {
    let world = try await MessagingWorld()
    let (ada, ben) = (try await world.member(), try await world.member("Ben"))
    let direct = try await ada.open(with: ben).id
    let group = try await ada.group(with: [ben]).id
    _ = try await ada.say("one", to: direct)
    _ = try await ben.say("two", to: direct)
    _ = try await ada.say("three", to: group)
    let export = try await world.ask(ExportMessages(member: ada.id), asService: "identity").get()
    #expect(export.messages.map(\.body) == ["one", "three"] && export.next == nil)
    #expect(try await world.ask(ExportMessages(member: ada.id), asService: "gossip").problem?.status == 403)

    #expect(try await world.ask(EraseMember(member: ada.id), asService: "identity").get().isDone == false)
    #expect(try await world.ask(EraseMember(member: ada.id), asService: "identity").get().isDone)
    #expect(try await ben.messages(of: direct).map(\.body) == [nil, "two"])
    #expect(try await ben.show(group).get().participants.map(\.role) == [.owner])
    #expect(try await ben.show(direct).get().participants.first { $0.id == ada.id }?.firstName == nil)
    try await world.end()
  }
}
