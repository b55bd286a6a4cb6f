import Contract
import EventLoop
import Mesh
import Postgres
import PresenceAPI
import ServiceKit
import TestKit
import Testing

@testable import Presence

/// How the live state follows what happens, with all times a hundredth of the product's: away after 3 s, offline after 9 s,
/// a closed socket gone after 0.1 s.
@Suite(.timeLimit(.minutes(3))) struct TrackingTests {
  private static let scale = 0.01

  @Test @Loop func `a device comes, rests, goes and is told of, once each`() async throws {
    let world = try await PresenceWorld(replicas: 2, scale: Self.scale)
    let (ada, bob) = (try await world.register("Ada"), try await world.register("Bob"))
    try await world.beat(ada)
    let seen = try await world.presence(of: ada, by: bob)
    #expect(seen.status == .online && seen.lastActiveText == "Active now" && seen.lastActive != nil)
    for _ in 0..<10 {
      try await world.beat(ada)
      try await Loop.sleep(for: .milliseconds(50))
    }
    try await world.wait(until: ada, is: .away, for: bob)
    try await world.wait(until: ada, is: .offline, for: bob)
    try await world.wait("it is told") { try world.told(about: ada) == [.online, .away, .offline] }
    #expect(
      try await world.statusEvents(about: ada) == ["came-online online", "status-changed away", "went-offline offline"])
    let gone = try await world.presence(of: ada, by: bob)
    #expect(gone.lastActive != nil && gone.lastActiveText == "Last active just now")
    try await world.end()
  }

  @Test @Loop func `devices by socket and by request, in the background and in front`() async throws {
    let world = try await PresenceWorld()
    let members = try await world.register(count: 5)
    let viewer = members[4]
    try await beacons(world, members[0], viewer)
    try await sockets(world, members[1], viewer)
    try await devices(world, members[2], viewer)
    try await invisible(world, members[3], viewer)
    try await world.end()
  }

  @Loop private func beacons(_ world: PresenceWorld, _ ada: MemberID, _ viewer: MemberID) async throws {
    let gateway = try world.gateway()
    let signIn = PresenceWorld.session(of: ada).description
    // Each request is noted by the gateway too, under the sign-in.
    gateway.note(DeviceSignal(member: ada, device: signIn, kind: .active, at: .now))
    try await world.wait(until: ada, is: .online, for: viewer)
    try await world.beat(ada, "phone")
    try await world.beat(ada, "laptop", .online, .foreground)
    try await world.beat(ada, "phone", .offline)
    #expect(try await world.presence(of: ada, by: viewer).status == .online)
    let before = Timestamp.now
    try await world.beat(ada, "laptop", .offline)
    #expect(try await world.presence(of: ada, by: viewer).status == .offline)
    // What a gateway tells late, of before, brings nobody back.
    gateway.note(DeviceSignal(member: ada, device: signIn, kind: .active, at: before))
    gateway.note(DeviceSignal(member: ada, device: "bell", kind: .active, at: before))
    gateway.note(DeviceSignal(member: viewer, device: "bell", kind: .active, at: .now))
    try await world.wait(until: viewer, is: .online, for: ada)
    #expect(try await world.presence(of: ada, by: viewer).status == .offline)
    try await world.beat(ada, "phone", nil, .background)
    #expect(try await world.presence(of: ada, by: viewer).status == .away)
    try await world.beat(ada, "phone", nil, .foreground)
    #expect(try await world.presence(of: ada, by: viewer).status == .online)
    await gateway.close()
  }

  @Loop private func sockets(_ world: PresenceWorld, _ ada: MemberID, _ viewer: MemberID) async throws {
    let gateway = try world.gateway()
    func note(_ kind: DeviceSignal.Kind, _ connection: UInt32) {
      gateway.note(DeviceSignal(member: ada, device: "web", kind: kind, connection: connection, at: .now))
    }
    note(.opened, 1)
    try await world.wait(until: ada, is: .online, for: viewer)
    // A second tab that closes takes nobody away; a reload does not flicker.
    note(.opened, 2)
    note(.closed, 1)
    note(.closed, 2)
    note(.opened, 3)
    note(.background, 3)
    try await world.wait(until: ada, is: .away, for: viewer)
    note(.foreground, 3)
    try await world.wait(until: ada, is: .online, for: viewer)
    note(.lost, 3)
    // 10 s later it is gone; the unit tests wait for that.
    try await Loop.sleep(for: .milliseconds(500))
    #expect(try await world.presence(of: ada, by: viewer).status == .online)
    try await world.wait("it is told") { try world.told(about: ada) == [.online, .away, .online] }
    await gateway.close()
  }

  @Loop private func devices(_ world: PresenceWorld, _ ada: MemberID, _ viewer: MemberID) async throws {
    for round in 0..<10 {
      try await world.beat(ada, "phone", nil, round.isMultiple(of: 2) ? .foreground : .background)
      try await world.beat(ada, "laptop", nil, .foreground)
      #expect(try await world.presence(of: ada, by: viewer).status == .online)
    }
    try await world.beat(ada, "laptop", nil, .background)
    try await world.wait("it is told") { try world.told(about: ada).last == .away }
    #expect(try world.told(about: ada) == [.online, .away], "two devices do not flip-flop")
  }

  @Loop private func invisible(_ world: PresenceWorld, _ ada: MemberID, _ viewer: MemberID) async throws {
    try await world.choose(ChooseStatus(status: .offline), as: ada)
    let since = Timestamp.now
    let gateway = try world.gateway()
    gateway.note(DeviceSignal(member: ada, device: "web", kind: .opened, connection: 9, at: .now))
    try await world.beat(ada)
    let seen = try await world.presence(of: ada, by: viewer)
    #expect(seen.status == .offline)
    #expect(seen.lastActive.map { $0 <= since } ?? true, "it does not leak that somebody is there")
    #expect(try await world.watch(ada, as: viewer).told.status == .offline)
    #expect(try world.told(about: ada) == [])
    #expect(try await world.statusEvents(about: ada) == [])
    try await world.choose(ChooseStatus(status: .online), as: ada)
    try await world.wait("it is told") { try world.told(about: ada) == [.online] }
    await gateway.close()
  }

  @Test @Loop func `Redis that has lost everything, or is gone, is got over`() async throws {
    let world = try await PresenceWorld(scale: Self.scale * 2)
    let members = try await world.register(count: 4)
    let (ada, hidden, ghost, viewer) = (members[0], members[1], members[2], members[3])
    try await world.show(to: .nobody, as: hidden)
    for member in [ada, hidden, ghost] { try await world.beat(member) }
    let version = try await world.watch(ada, as: viewer).told.version
    try await world.wait("they are told of") { try world.told(about: ghost) == [.online] }
    try await world.redis.run("flushall")
    // The ghost does not come back, and is told to be gone; the others go on, and nobody is told anything.
    try await world.wait("the ghost is gone") {
      try await world.beat(ada)
      try await world.beat(hidden)
      return try world.told(about: ghost) == [.online, .offline]
    }
    #expect(try await world.presence(of: ada, by: viewer).status == .online)
    #expect(try await world.presence(of: hidden, by: viewer).status == .offline)
    #expect(try world.told(about: hidden) == [])
    #expect(try world.told(about: ada) == [.online])
    try await world.wait("that it is so is confirmed") {
      try await world.beat(ada)
      return try await world.statusEvents(about: ada).contains("status-confirmed online")
    }
    try await world.choose(ChooseStatus(status: .busy), as: ghost)
    try await world.redis.process.kill()
    #expect(try await world.presence(of: ada, by: viewer).status == .offline)
    #expect(try await world.presence(of: ghost, by: viewer).status == .busy, "settings do not lie in Redis")
    #expect(try await world.ask(Heartbeat(deviceId: .sample), as: ada).problem?.status == 503)
    try await world.redis.process.start()
    try await world.wait("it recovers by itself") {
      try await world.ask(Heartbeat(deviceId: .sample), as: ada).problem == nil
    }
    try await world.wait(until: ada, is: .online, for: viewer)
    #expect(try await world.watch(ada, as: viewer).told.version > version)
    try await world.end()
  }

  @Test @Loop func `5,000 clients that lose their gateway and come to another are told of to nobody`() async throws {
    let world = try await PresenceWorld(replicas: 2)
    let members = (0..<5000).map { _ in MemberID(at: .now) }
    let gateways = try [world.gateway(), world.gateway()]
    func note(_ kind: DeviceSignal.Kind, _ gateway: Int) {
      for (number, member) in members.enumerated() {
        gateways[gateway].note(
          DeviceSignal(member: member, device: "web", kind: kind, connection: UInt32(number + 1), at: .now))
      }
    }
    note(.opened, 0)
    try await world.wait("all are online") { world.pushes.count == members.count }
    note(.lost, 0)
    note(.opened, 1)
    note(.background, 1)
    // Each is away then, once; nobody was offline in between.
    try await world.wait("all are away") { world.pushes.count == 2 * members.count }
    let names = try await world.database.query(
      "select name, count(*) from mesh_outbox group by name order by name"
    ).decode(String.self, Int.self)
    #expect(names.map(\.0) == ["presence.came-online", "presence.status-changed"])
    #expect(names.map(\.1) == [5000, 5000])
    for gateway in gateways { await gateway.close() }
    try await world.end()
  }

  @Test @Loop func `whoever hung on a gateway that died is gone, and nobody is while Kafka is away`() async throws {
    // A gateway that is silent for 3.5 s is dead, at a tenth of the product's times.
    let world = try await PresenceWorld(scale: 0.1)
    let members = try await world.register(count: 3)
    let gateways = try [world.gateway(), world.gateway()]
    for (number, gateway) in gateways.enumerated() {
      gateway.note(
        DeviceSignal(member: members[number], device: "web", kind: .opened, connection: 1, at: .now))
    }
    for member in members.prefix(2) { try await world.wait(until: member, is: .online, for: members[2]) }
    world.broker.kill()
    try await Loop.sleep(for: .seconds(6))
    try world.broker.start()
    try await world.wait("Kafka is there again") {
      let path: PathValues = ["userId": "\(members[0])"]
      return try await world.ask(PresenceOf(userId: members[0]), as: members[2], path: path).problem == nil
    }
    // From then on both gateways are heard, and only then silence counts again.
    try await Loop.sleep(for: .seconds(5))
    for member in members.prefix(2) {
      let events = try await changes(of: member, world)
      #expect(events == ["came-online online"])
    }
    // It says nothing of its sockets any more; the other one lives on.
    await gateways[0].close()
    try await world.wait("its members are gone") {
      try await changes(of: members[0], world) == ["came-online online", "went-offline offline"]
    }
    #expect(try await changes(of: members[1], world) == ["came-online online"])
    await gateways[1].close()
    try await world.end()
  }

  /// The events about a member, but for those that say that it is still so.
  @Loop private func changes(of member: MemberID, _ world: PresenceWorld) async throws -> [String] {
    try await world.statusEvents(about: member).filter { !$0.hasPrefix("status-confirmed") }
  }

  @Test @Loop func `a replica that is killed leaves nobody online for ever`() async throws {
    let world = try await PresenceWorld(replicas: 2, scale: Self.scale)
    let members = try await world.register(count: 30)
    let viewer = members[29]
    for member in members.dropLast() { try await world.beat(member) }
    try await world.replicas[0].process.kill()
    for member in members.dropLast() { try await world.wait(until: member, is: .offline, for: viewer) }
    try await world.wait("all are told of") {
      try members.dropLast().allSatisfy { try world.told(about: $0).last == .offline }
    }
    try await world.end()
  }
}
