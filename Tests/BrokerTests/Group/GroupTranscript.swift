@testable import Broker

/// Plays clients, timers and log around a `GroupRegistry`, and writes down in plain lines what clients hear and the log
/// gets. Time moves only by `pass`; timers fire at their own instants.
struct GroupTranscript {
  /// What a client remembers of its membership.
  struct Client {
    var memberID = MemberID.none
    var instanceID: InstanceID?
    var generation: Int32 = -1
  }

  static let start = ContinuousClock.now
  static let group = GroupID("g")

  private(set) var registry: GroupRegistry
  private(set) var clients: [String: Client] = [:]
  /// The compacted log.
  private(set) var log: [[UInt8]: [UInt8]] = [:]
  private(set) var now = Duration.zero
  private(set) var timers: [GroupID: ContinuousClock.Instant] = [:]
  private(set) var lastToken: [String: ReplyToken] = [:]
  private var asked: [ReplyToken: String] = [:]
  private var lines: [String] = []
  private var idsGiven: [String: Int] = [:]
  private let limits: GroupLimits
  /// Whether the log takes records; if not, its driver does what the contract says.
  var logHasRoom = true

  init(_ limits: GroupLimits = GroupLimits()) {
    self.limits = limits
    registry = GroupRegistry(limits: limits)
  }

  var moment: Moment {
    Moment(instant: Self.start + now, unixMilliseconds: 1_000_000 + Int64(now / .milliseconds(1)))
  }

  /// What was heard since this was last asked.
  mutating func heard() -> [String] {
    defer { lines = [] }
    return lines
  }

  // MARK: Clients

  mutating func join(
    _ name: String, as id: MemberID? = nil, instance: InstanceID? = nil, session: Duration = .seconds(10),
    rebalance: Duration = .seconds(60), type: String = "consumer", _ protocols: [(String, String)] = [("range", "t")],
    handshake: Bool = false, in group: GroupID = group
  ) {
    let token = mint(name)
    let request = JoinRequest(
      memberID: id ?? clients[name]?.memberID ?? .none, instanceID: instance ?? clients[name]?.instanceID,
      clientID: name, clientHost: "/127.0.0.1", sessionTimeout: session, rebalanceTimeout: rebalance,
      protocolType: type, protocols: protocols.map { GroupProtocol(name: $0, metadata: Array($1.utf8)) },
      requiresKnownMemberID: handshake)
    clients[name, default: Client()].instanceID = request.instanceID
    let number = idsGiven[name, default: 0] + 1
    var used = false
    func nextID() -> MemberID {
      used = true
      return MemberID("\(name)-\(number)")
    }
    run { registry, moment, actions in
      registry.join(group, request, reply: token, newMemberID: nextID(), at: moment, into: &actions)
    }
    if used { idsGiven[name] = number }
  }

  /// The leader names a share for each client.
  mutating func sync(
    _ name: String, as claim: MemberClaim? = nil, _ shares: [String: String] = [:], in group: GroupID = group
  ) {
    let token = mint(name)
    let claim = claim ?? self.claim(name)
    let assignments = Dictionary(
      uniqueKeysWithValues: shares.map { (clients[$0]?.memberID ?? MemberID($0), Array($1.utf8)) })
    run { registry, moment, actions in
      registry.sync(group, claim, assignments: assignments, reply: token, at: moment, into: &actions)
    }
  }

  mutating func heartbeat(_ name: String, as claim: MemberClaim? = nil, in group: GroupID = group) {
    let token = mint(name)
    let claim = claim ?? self.claim(name)
    run { registry, moment, actions in
      registry.heartbeat(group, claim, reply: token, at: moment, into: &actions)
    }
  }

  mutating func leave(_ name: String, in group: GroupID = group) {
    let token = mint(name)
    let id = claim(name).memberID
    clients[name] = nil
    run { registry, moment, actions in
      registry.leave(group, id, reply: token, at: moment, into: &actions)
    }
  }

  mutating func commit(
    _ name: String, as claim: MemberClaim? = nil, _ offset: Int64, to topic: String = "t", partition: Int32 = 0,
    note: String = "", in group: GroupID = group
  ) {
    let token = mint(name)
    let claim = claim ?? self.claim(name)
    let commit = OffsetCommit(topic: topic, partition: partition, offset: offset, leaderEpoch: 3, metadata: note)
    run { registry, moment, actions in
      registry.commit(group, claim, [commit], reply: token, at: moment, into: &actions)
    }
  }

  /// The connection of the client's last request breaks.
  mutating func disconnect(_ name: String, in group: GroupID = group) {
    guard let token = lastToken[name] else { return }
    asked[token] = nil
    run { registry, moment, actions in
      registry.connectionClosed(token, in: group, at: moment, into: &actions)
    }
  }

  /// Forgets what the client knows of its membership, as a killed process does.
  mutating func restart(_ name: String) {
    clients[name] = Client(instanceID: clients[name]?.instanceID)
  }

  /// A stable group of these clients in generation 1, the first of which leads; everybody's share is their name.
  mutating func settle(_ names: String..., instances: Bool = false) {
    for name in names { join(name, instance: instances ? InstanceID("i-\(name)") : nil) }
    pass(.milliseconds(names.count > 1 ? 200 : 100))
    for name in names {
      sync(name, name == names[0] ? Dictionary(uniqueKeysWithValues: names.map { ($0, $0) }) : [:])
    }
    _ = heard()
  }

  // MARK: Time, broker and log

  mutating func pass(_ duration: Duration) {
    let end = now + duration
    while let (group, deadline) = timers.min(by: { $0.value < $1.value }), deadline <= Self.start + end {
      timers[group] = nil
      now = max(now, deadline - Self.start)
      run { registry, moment, actions in registry.tick(group, at: moment, into: &actions) }
    }
    now = end
  }

  mutating func expire() {
    run { registry, moment, actions in registry.expire(at: moment, into: &actions) }
  }

  mutating func deleteTopic(_ topic: String) {
    run { registry, _, actions in registry.topicDeleted(topic, into: &actions) }
  }

  mutating func delete(_ group: GroupID = group) {
    var outcome = "deleted \(group)"
    run { registry, moment, actions in
      do throws(GroupError) {
        try registry.delete(group, at: moment, into: &actions)
      } catch {
        outcome = "delete \(group): \(error)"
      }
    }
    lines.append(outcome)
  }

  /// The broker stops, loses its memory and its connections, and starts again from its log.
  mutating func restartBroker() throws {
    var restoration = GroupRegistry.Restoration()
    for (key, value) in log { try restoration.read(key: key, value: value) }
    timers = [:]
    asked = [:]
    let limits = limits
    run { registry, moment, actions in
      registry = restoration.registry(limits: limits, at: moment, into: &actions)
    }
  }

  func claim(_ name: String) -> MemberClaim {
    let client = clients[name] ?? Client()
    return MemberClaim(memberID: client.memberID, instanceID: client.instanceID, generation: client.generation)
  }

  var state: GroupState { registry.describe(Self.group).state }

  // MARK: The driver

  private mutating func mint(_ name: String) -> ReplyToken {
    let token = ReplyToken(rawValue: (lastToken.values.map(\.rawValue).max() ?? 0) + 1)
    lastToken[name] = token
    asked[token] = name
    return token
  }

  private mutating func run(_ input: (inout GroupRegistry, Moment, inout [GroupAction]) -> Void) {
    var actions: [GroupAction] = []
    input(&registry, moment, &actions)
    var isRefused = false
    for action in actions {
      if case .persist(let records) = action, !logHasRoom {
        registry.refused(records, at: moment)
        isRefused = true
      } else {
        perform(isRefused ? action.unavailable : action)
      }
    }
  }

  private mutating func perform(_ action: GroupAction) {
    switch action {
    case .persist(let records):
      for record in records {
        log[record.key] = record.value
        lines.append("stored \(Self.summary(record))")
      }
    case .answerJoin(let token, let result): heard(token) { $0.answer(join: result, to: $1) }
    case .answerSync(let token, .success(let share)):
      heard(token) { _, _ in "assigned '\(String(decoding: share, as: UTF8.self))'" }
    case .answerSync(let token, .failure(let error)): heard(token) { _, _ in "sync \(error)" }
    case .answer(let token, let error): heard(token) { _, _ in error.map { "\($0)" } ?? "ok" }
    case .answerCommit(let token, let results):
      heard(token) { _, _ in "commit " + results.map { $0.map { "\($0)" } ?? "ok" }.joined(separator: " ") }
    case .wake(let group, let instant): timers[group] = instant
    }
  }

  private mutating func heard(_ token: ReplyToken, _ line: (inout GroupTranscript, String) -> String) {
    guard let name = asked.removeValue(forKey: token) else {
      lines.append("answered twice or never asked: \(token.rawValue)")
      return
    }
    lines.append("\(name): \(line(&self, name))")
  }

  private mutating func answer(join result: JoinResult, to name: String) -> String {
    switch result {
    case .refused(.memberIDRequired, let id):
      clients[name]?.memberID = id
      return "join as \(id)"
    case .refused(let error, _): return "join \(error)"
    case .joined(let group):
      clients[name]?.memberID = group.memberID
      clients[name]?.generation = group.generation
      let role = group.leader == group.memberID ? "leads" : "follows \(group.leader)"
      let peers = group.peers.map { " \($0.memberID)" }.joined()
      return "generation \(group.generation) \(group.protocolName) as \(group.memberID), \(role)\(peers)"
    }
  }

  private static func summary(_ record: GroupRecord) -> String {
    switch record {
    case .offset(let group, let key, let committed, _):
      "\(group) \(key.topic)/\(key.partition) \(committed.map { "at \($0.offset)" } ?? "removed")"
    case .group(let group, nil): "\(group) removed"
    case .group(let group, let snapshot?):
      "\(group) generation \(snapshot.generation)" + snapshot.members.map { " \($0.id)" }.joined()
    }
  }
}
