import Contract
import EventLoop
import Mesh
import PresenceAPI
import TestKit
import Testing

@testable import Presence

@Suite(.timeLimit(.minutes(1))) struct LiveStoreTests {
  /// A store on a Redis of its own.
  @Loop final class World {
    let redis: RedisServer
    let store: LiveStore
    let partition = ActivityBatch.partition(of: ada)

    init() async throws {
      redis = try await RedisServer()
      store = try LiveStore(url: redis.url(), replica: 0)
    }

    func touch(_ devices: [String], at time: Timestamp, of member: MemberID = ada) async throws -> [Int] {
      try await store.touch(devices.count, in: ActivityBatch.partition(of: member)) { (member, devices[$0], time) }
    }

    func load(_ member: MemberID = ada) async throws -> LiveStore.Loaded {
      try #require(try await store.load([member])[member])
    }

    /// Stores a member's devices over what was loaded.
    func save(
      _ activity: MemberActivity, over old: LiveStore.Loaded, at now: Timestamp, look: Timestamp? = nil,
      lost: [UniqueID] = [], isNews: Bool = false
    ) async throws -> Bool {
      var record = old.record
      record.activity = activity
      record.version += 1
      let steady = Set(activity.devices.filter { $0.isSteady(at: now, times) }.map(\.name))
      return try await store.save(
        .init(member: ada, new: record, look: look, steady: steady, lost: lost, isNews: isNews), over: old, now: now)
    }

    /// The feed is heard without a break.
    func hear(_ seconds: ClosedRange<Int>) async throws {
      for second in stride(from: seconds.lowerBound, through: seconds.upperBound, by: 10) {
        try await store.hear(partition, at: at(second), deafAfter: times.deafness)
      }
    }

    func due(_ seconds: Int, replica: String = "0", gateways: Timestamp = at(-1000)) async throws -> LiveStore.Due? {
      try await store.due(
        in: partition, for: replica, lease: .seconds(10),
        .init(
          now: at(seconds), heartbeat: at(seconds) - times.attention, gateway: gateways,
          hearing: at(seconds) - times.deafness, telling: at(seconds)), limit: 10)
    }
  }

  @Test @Loop func `heartbeats of steady devices need nothing more, others do`() async throws {
    let world = try await World()
    #expect(try await world.touch([], at: noon) == [])
    #expect(try await world.touch(["phone", "laptop"], at: noon) == [0, 1])
    let activity = MemberActivity(signal(.active, 0), signal(.background, 0, device: "laptop"))
    #expect(try await world.save(activity, over: world.load(), at: noon))
    #expect(try await world.touch(["phone", "laptop", "phone"], at: at(30)) == [1])
    #expect(try await world.touch(["phone"], at: at(30)) == [], "a repeated one is steady all the same")
    #expect(try await world.touch(["phone"], at: at(10)) == [], "and so is a late one")
    #expect(try await world.touch(["phone"], at: at(30), of: bob) == [0])
    let loaded = try await world.load()
    #expect(loaded.record.activity.devices.map(\.activeAt) == [at(30), at(0)])
    #expect(loaded.record.activity.lastActive == at(30))
    world.store.close()
  }

  @Test @Loop func `a record is replaced only as it was loaded`() async throws {
    let world = try await World()
    let (first, second) = (try await world.load(), try await world.load())
    #expect(first.record == LiveRecord())
    #expect(try await world.save(MemberActivity(signal(.active, 0)), over: first, at: noon))
    #expect(try await !world.save(MemberActivity(signal(.active, 5)), over: second, at: noon))
    let third = try await world.load()
    #expect(third.record.activity.devices.map(\.activeAt) == [noon])
    // A heartbeat comes in between: the device must not be said to be away.
    #expect(try await world.touch(["phone"], at: at(299)) == [])
    var away = third.record.activity
    away.note(signal(.background, 300))
    #expect(try await !world.save(away, over: third, at: at(300)))
    #expect(try await world.save(away, over: world.load(), at: at(300)))
    #expect(try await world.touch(["phone"], at: at(301)) == [0])
    world.store.close()
  }

  @Test @Loop func `what is due is found by its time, by one replica at a time`() async throws {
    let world = try await World()
    let activity = MemberActivity(signal(.active, 0), signal(.opened, 0, .one, device: "web"))
    #expect(try await world.save(activity, over: world.load(), at: noon, look: at(60), isNews: true))
    try await world.hear(-1000...330)
    var due = try #require(try await world.due(59))
    #expect(due.silent.isEmpty && due.looks.isEmpty && due.lost.isEmpty)
    #expect(due.untold.map(\.version) == [1])
    #expect(due.steady == 2)
    try await world.store.told([(ada, 1)])
    due = try #require(try await world.due(60))
    #expect(due.looks.map(\.member) == [ada] && due.looks.map(\.at) == [at(60)] && due.untold.isEmpty)
    #expect(try await world.due(60, replica: "1") == nil)
    #expect(try await world.touch(["phone"], at: at(30)) == [])
    due = try #require(try await world.due(300))
    #expect(due.silent.map(\.device) == ["web"] && due.silent.map(\.at) == [noon])
    due = try #require(try await world.due(330))
    #expect(Set(due.silent.map(\.device)) == ["web", "phone"])
    try await world.store.forget([(ada, "web"), (ada, "phone")])
    due = try #require(try await world.due(330))
    #expect(due.silent.isEmpty && due.steady == 0)
    world.store.close()
  }

  @Test @Loop func `the members of a silent gateway are found, and it is forgotten after them`() async throws {
    let world = try await World()
    func pulse(_ gateway: UniqueID, _ seconds: Int) async throws {
      _ = try await world.store.touch(0, in: world.partition, sign: (gateway, at(seconds))) { _ in (ada, "", noon) }
    }
    try await pulse(gatewayOne, 0)
    try await pulse(gatewayTwo, 0)
    var activity = MemberActivity(signal(.opened, 0, .one), signal(.opened, 0, .elsewhere, device: "web"))
    #expect(try await world.save(activity, over: world.load(), at: noon))
    try await pulse(gatewayTwo, 30)
    try await pulse(gatewayTwo, 20)
    try await world.hear(-1000...60)
    #expect(try await world.due(40, gateways: at(-1))?.lost.count == 0)
    let lost = try #require(try await world.due(40, gateways: at(29))).lost
    #expect(lost.map(\.gateway) == [gatewayOne] && lost.map(\.member) == [ada])
    activity.lose(gatewayOne)
    #expect(try await world.save(activity, over: world.load(), at: at(40), lost: [gatewayOne]))
    for _ in 0..<2 { #expect(try await world.due(41, gateways: at(29))?.lost.count == 0) }
    try await pulse(gatewayOne, 41)
    #expect(try await world.due(60, gateways: at(35))?.lost.map(\.gateway) == [gatewayTwo])
    world.store.close()
  }

  @Test @Loop func `nothing is concluded from a silence in which nobody could be heard`() async throws {
    let world = try await World()
    _ = try await world.store.touch(0, in: world.partition, sign: (gatewayOne, noon)) { _ in (ada, "", noon) }
    let activity = MemberActivity(signal(.opened, 0, .one))
    #expect(try await world.save(activity, over: world.load(), at: noon))
    func found(_ seconds: Int) async throws -> [Int] {
      let due = try #require(try await world.due(seconds, gateways: at(seconds) - times.silence))
      return [due.silent.count, due.lost.count]
    }
    #expect(try await found(400) == [0, 0], "the feed was never heard")
    try await world.hear(0...100)
    #expect(try await found(100) == [0, 1])
    #expect(try await found(400) == [0, 0], "it is not heard any more")
    try await world.hear(400...400)
    #expect(try await found(400) == [0, 0], "it was not heard before")
    try await world.hear(410...430)
    #expect(try await found(434) == [0, 0])
    #expect(try await found(435) == [1, 1])
    world.store.close()
  }

  @Test @Loop func `since when Redis keeps anything is known`() async throws {
    let world = try await World()
    #expect(try await world.store.epoch(now: noon) == noon)
    #expect(try await world.store.epoch(now: at(10)) == noon)
    try await world.redis.run("flushall")
    #expect(try await world.store.epoch(now: at(20)) == at(20))
    #expect(try await world.store.activity(of: [ada])?[ada] == LiveRecord())
    try await world.redis.process.kill()
    #expect(await world.store.activity(of: [ada]) == nil)
    world.store.close()
  }
}
