import Contract
import EventLoop
import Foundation
import Mesh
import Postgres
import PresenceAPI
import ServiceKit
import Telemetry
import TestKit

/// Presence with a Redis of its own. Identity, messaging and the gateways are played by the tests.
@Loop final class PresenceWorld: ServiceWorld {
  let redis: RedisServer
  /// What every gateway is told, in order.
  private(set) var pushes: [PushMessage] = []
  /// What every gateway knows of hidden members.
  private let hiddenMembers = TopicCopy()
  private var feed: PushFeed!
  private let scale: Double

  /// Starts replicas, with all times multiplied by `scale`.
  init(replicas: Int = 1, scale: Double = 1) async throws {
    self.scale = scale
    redis = try await RedisServer()
    try await super.init("presence", hearing: ["identity", "messaging", "profiles"])
    feed = PushFeed(keys: .root(root), log: .disabled, metrics: Metrics()) { [weak self] in self?.pushes.append($0) }
    try feed.start(kafka, instance: nil)
    for replica in 0..<replicas {
      try await start(replica, ["REDIS_URL=\(redis.url())", "PRESENCE_TIME_SCALE=\(scale)"])
    }
    try await hiddenMembers.open(HiddenMember.topic, kafka)
  }

  override func end() async throws {
    await feed.stop(within: .seconds(1))
    await hiddenMembers.close()
    try await super.end()
  }

  // MARK: Asking

  func presence(of member: MemberID, by viewer: MemberID) async throws -> PresenceView {
    try await ask(PresenceOf(userId: member), as: viewer, path: ["userId": "\(member)"]).get()
  }

  func beat(_ member: MemberID, _ device: String = "phone", _ kind: Heartbeat.Kind? = nil, _ state: AppState? = nil)
    async throws
  {
    _ = try await ask(Heartbeat(deviceId: DeviceName(device)!, status: kind, appState: state), as: member).get()
  }

  func choose(_ choice: ChooseStatus, as member: MemberID) async throws { _ = try await ask(choice, as: member).get() }

  func show(to audience: StatusAudience, as member: MemberID) async throws {
    _ = try await ask(ChangePrivacy(showOnlineStatus: audience), as: member).get()
  }

  func watch(_ member: MemberID, as viewer: MemberID) async throws -> (grant: ChannelGrant, told: UserStatusChange) {
    let grant = try await ask(WatchPresence(member: member), as: viewer).get()
    let greeting = grant.greetings[0]
    return (grant, try JSONDecoder().decode(UserStatusChange.self, from: Data(greeting.data.utf8)))
  }

  /// A gateway that tells of devices.
  func gateway(_ id: UniqueID = UniqueID(at: .now)) throws -> ActivitySender {
    let sender = try ActivitySender(
      kafka, gateway: id, pulse: .seconds(10) * max(scale, 0.1), log: .disabled, metrics: Metrics())
    sender.start()
    return sender
  }

  // MARK: What came of it

  /// The statuses that watchers of a member were told, with the views that they were told to.
  func told(about member: MemberID) throws -> [PresenceStatus] {
    try pushes.filter { $0.channel == .presence(of: member) && $0.kind == .passing }.map { push in
      guard push.view == WatchPresence.fullView else { throw NeverHappened("a push to all") }
      return try JSONDecoder().decode(UserStatusChange.self, from: Data(push.data)).status
    }
  }

  /// How often gateways were asked to look at a channel's grants again.
  func rechecks(of member: MemberID) -> Int {
    pushes.count { $0.channel == .presence(of: member) && $0.kind == .recheck }
  }

  /// The events about a member, in order: name and status.
  func statusEvents(about member: MemberID) async throws -> [String] {
    try await database.query(
      """
      select regexp_replace(name, '^presence.', '') || ' ' || (payload::jsonb ->> 'status') from mesh_outbox
      where subject = \(member) order by version
      """
    ).decode(String.self)
  }

  /// The members that every gateway knows to be hidden.
  var hidden: Set<String> { Set(hiddenMembers.values.keys) }

  /// Waits until `viewer` sees `status`.
  func wait(until member: MemberID, is status: PresenceStatus, for viewer: MemberID) async throws {
    try await wait("\(status)") { try await presence(of: member, by: viewer).status == status }
  }
}
