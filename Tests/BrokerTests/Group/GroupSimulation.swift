import TestKit

@testable import Broker

/// A group under clients that die, repeat themselves and come late, a log that is full at times, and a broker that
/// restarts. It checks, at every answer, what must hold; violations are collected as sentences.
struct GroupSimulation {
  enum Request {
    case join(JoinRequest)
    case sync(MemberClaim, [MemberID: [UInt8]])
    case heartbeat(MemberClaim)
    case commit(MemberClaim)
    case leave(MemberID)
  }

  /// A consumer process as real clients behave.
  struct Client {
    enum Phase: Equatable {
      case mustJoin, mustSync, works
      case waits(ReplyToken)
    }

    let name: String
    let instanceID: InstanceID?
    let handshakes: Bool
    let preferences: [String]
    var isAlive = true
    var phase = Phase.mustJoin
    var memberID = MemberID.none
    var generation: Int32 = -1
    /// In which life of the broker it was told its generation.
    var life = 0
    /// What it leads.
    var peers: [MemberID] = []
    var topics = 0
    var nextHeartbeat = Duration.zero
  }

  static let id = GroupID("g")

  private(set) var violations: [String] = []
  private(set) var clients: [Client] = []
  private(set) var answered = 0
  private(set) var rebalances = 0
  private var random: SeededRandom
  private var registry: GroupRegistry
  private let limits: GroupLimits
  private let start = ContinuousClock.now
  private var now = Duration.zero
  private var timer: ContinuousClock.Instant?
  private var log: [[UInt8]: [UInt8]] = [:]
  private var logHasRoom = true
  private var storesFaithfully = true
  private var lastToken: UInt64 = 0
  private var lastID = 0
  /// Who waits; nil: nobody reads the answer any more, but the broker does not know.
  private var open: [ReplyToken: (client: Int?, request: Request)] = [:]
  /// What may come a second time, late.
  private var sent: [Request] = []
  private var life = 0
  // What was said of each generation since the broker started.
  private var newest: Int32 = 0
  private var protocols: [Int32: String] = [:]
  private var leaders: [Int32: MemberID] = [:]

  init(_ random: SeededRandom) {
    self.random = random
    var limits = GroupLimits()
    limits.initialRebalanceDelay = .milliseconds(self.random.next() % 3 == 0 ? 0 : 100)
    self.limits = limits
    registry = GroupRegistry(limits: limits)
    for index in 0..<Int.random(in: 1...5, using: &self.random) {
      let preferences = [["range", "sticky"], ["sticky", "range"], ["range"]].randomElement(using: &self.random)
      clients.append(
        Client(
          name: "c\(index)", instanceID: chance(1, in: 3) ? InstanceID("i\(index)") : nil,
          handshakes: chance(1, in: 2), preferences: preferences ?? []))
    }
  }

  // MARK: Play

  mutating func beWild(_ turns: Int) {
    for _ in 0..<turns {
      pass(.milliseconds(Int.random(in: 0...400, using: &random)))
      let index = Int.random(in: clients.indices, using: &random)
      act(index)
      if chance(1, in: 6) { disturb(index) }
      if chance(1, in: 12), let request = sent.randomElement(using: &random) { send(request, for: nil) }
      if chance(1, in: 150) { restartBroker() }
      if chance(1, in: 40) { logHasRoom.toggle() }
    }
  }

  /// No more disturbances: open connections without readers are noticed, and the living go on.
  mutating func calmDown() {
    logHasRoom = true
    for token in open.filter({ $0.value.client == nil }).keys { close(token) }
    for _ in 0..<400 {
      pass(.milliseconds(250))
      for index in clients.indices.shuffled(using: &random) { act(index) }
    }
  }

  /// What a calm group must look like.
  mutating func judge() {
    let living = clients.filter(\.isAlive)
    let group = registry.describe(Self.id)
    if !open.isEmpty { violations.append("\(open.count) requests were never answered") }
    if Set(group.members.map(\.memberID)) != Set(living.map(\.memberID)) {
      violations.append("members are \(group.members.map(\.memberID)), the living \(living.map(\.memberID))")
    }
    if Set(living.map(\.generation)).count > 1 { violations.append("the living disagree about the generation") }
    if !living.allSatisfy({ $0.phase == .works }) { violations.append("not all the living work") }
    let expected: Set<GroupState> = living.isEmpty ? [.empty, .dead] : [.stable]
    if !expected.contains(group.state) { violations.append("the calm group is \(group.state)") }
  }

  private mutating func chance(_ count: Int, in all: Int) -> Bool {
    Int.random(in: 0..<all, using: &random) < count
  }

  private mutating func act(_ index: Int) {
    let client = clients[index]
    guard client.isAlive else { return }
    let claim = MemberClaim(memberID: client.memberID, instanceID: client.instanceID, generation: client.generation)
    switch client.phase {
    case .waits: return
    case .mustJoin:
      send(
        .join(
          JoinRequest(
            memberID: client.memberID, instanceID: client.instanceID, clientID: client.name, clientHost: "/h",
            sessionTimeout: .seconds(6 + index), rebalanceTimeout: .seconds(10 + index), protocolType: "consumer",
            protocols: client.preferences.map { GroupProtocol(name: $0, metadata: [UInt8(client.topics % 256)]) },
            requiresKnownMemberID: client.handshakes)), for: index)
    case .mustSync:
      let shares = client.peers.map { ($0, Array("\(client.generation)/\($0)".utf8)) }
      send(.sync(claim, Dictionary(uniqueKeysWithValues: shares)), for: index)
    case .works:
      guard client.nextHeartbeat <= now else { return }
      clients[index].nextHeartbeat = now + .milliseconds(1_500)
      send(chance(1, in: 3) ? .commit(claim) : .heartbeat(claim), for: index)
    }
  }

  private mutating func disturb(_ index: Int) {
    let client = clients[index]
    switch Int.random(in: 0..<6, using: &random) {
    case 0:  // Killed; the broker may notice or not.
      clients[index].isAlive = false
      if case .waits(let token) = client.phase { chance(1, in: 2) ? close(token) : abandon(token) }
    case 1:  // Started, anew.
      if client.isAlive, case .waits(let token) = client.phase { abandon(token) }
      clients[index].isAlive = true
      clients[index].memberID = .none
      clients[index].phase = .mustJoin
    case 2:  // Closed properly.
      guard client.isAlive, client.phase == .works else { return }
      clients[index].isAlive = false
      send(.leave(client.memberID), for: index)
    case 3:  // Wants something else, or has given up partitions.
      guard client.isAlive, client.phase == .works else { return }
      clients[index].topics += 1
      clients[index].phase = .mustJoin
    case 4:  // The connection breaks, both notice.
      guard case .waits(let token) = client.phase else { return }
      close(token)
    default:  // The client gives up waiting and asks again on another connection.
      guard case .waits(let token) = client.phase else { return }
      abandon(token)
    }
  }

  /// The client no longer reads the answer.
  private mutating func abandon(_ token: ReplyToken) {
    guard let (client, request) = open[token] else { return }
    open[token] = (nil, request)
    if let client { askAgain(client, after: request) }
  }

  private mutating func close(_ token: ReplyToken) {
    guard let (client, request) = open.removeValue(forKey: token) else { return }
    if let client { askAgain(client, after: request) }
    run { registry, moment, actions in
      registry.connectionClosed(token, in: Self.id, at: moment, into: &actions)
    }
  }

  private mutating func askAgain(_ client: Int, after request: Request) {
    switch request {
    case .join: clients[client].phase = .mustJoin
    case .sync: clients[client].phase = .mustSync
    case .heartbeat, .commit, .leave: break
    }
  }

  private mutating func send(_ request: Request, for client: Int?) {
    lastToken += 1
    let token = ReplyToken(rawValue: lastToken)
    open[token] = (client, request)
    if let client, clients[client].life == life { sent.append(request) }
    switch request {
    case .join(let request):
      if let client { clients[client].phase = .waits(token) }
      lastID += 1
      let id = MemberID("\(request.clientID)-\(lastID)")
      run { registry, moment, actions in
        registry.join(Self.id, request, reply: token, newMemberID: id, at: moment, into: &actions)
      }
    case .sync(let claim, let shares):
      if let client { clients[client].phase = .waits(token) }
      run { registry, moment, actions in
        registry.sync(Self.id, claim, assignments: shares, reply: token, at: moment, into: &actions)
      }
    case .heartbeat(let claim):
      run { registry, moment, actions in
        registry.heartbeat(Self.id, claim, reply: token, at: moment, into: &actions)
      }
    case .commit(let claim):
      let commit = OffsetCommit(topic: "t", partition: 0, offset: 1, leaderEpoch: -1, metadata: "")
      run { registry, moment, actions in
        registry.commit(Self.id, claim, [commit], reply: token, at: moment, into: &actions)
      }
    case .leave(let member):
      run { registry, moment, actions in
        registry.leave(Self.id, member, reply: token, at: moment, into: &actions)
      }
    }
    switch request {
    case .heartbeat, .commit, .leave:
      if open[token] != nil { violations.append("\(request) was not answered at once") }
    case .join, .sync: break
    }
  }

  // MARK: The driver

  private var moment: Moment {
    Moment(instant: start + now, unixMilliseconds: Int64(now / .milliseconds(1)))
  }

  private mutating func pass(_ duration: Duration) {
    let end = now + duration
    var fired = 0
    while let deadline = timer, deadline <= start + end {
      timer = nil
      now = max(now, deadline - start)
      run { registry, moment, actions in registry.tick(Self.id, at: moment, into: &actions) }
      fired += 1
      if fired > 1_000 { return violations.append("timers do not come to rest") }
    }
    now = end
  }

  private mutating func restartBroker() {
    let asked = open
    open = [:]
    // Numbers of generations that were never stored come again. As with Apache Kafka that is harmless, because requests
    // of the broker's former life died with their connections.
    sent = []
    life += 1
    for case (let client?, let request) in asked.values { askAgain(client, after: request) }
    timer = nil
    (newest, protocols, leaders) = (0, [:], [:])
    var restoration = GroupRegistry.Restoration()
    for (key, value) in log {
      do throws(GroupRecordError) {
        try restoration.read(key: key, value: value)
      } catch {
        violations.append("the log cannot be read: \(error)")
      }
    }
    let limits = limits
    run { registry, moment, actions in
      registry = restoration.registry(limits: limits, at: moment, into: &actions)
    }
  }

  private mutating func run(_ input: (inout GroupRegistry, Moment, inout [GroupAction]) -> Void) {
    var actions: [GroupAction] = []
    input(&registry, moment, &actions)
    var isRefused = false
    for action in actions {
      switch action {
      case .wake(_, let instant): timer = instant
      case .persist(let records):
        for case .group in records { storesFaithfully = logHasRoom }
        if logHasRoom {
          for record in records { log[record.key] = record.value }
        } else {
          registry.refused(records, at: moment)
          isRefused = true
        }
      case .answerJoin, .answerSync, .answer, .answerCommit: hear(isRefused ? action.unavailable : action)
      }
    }
  }

  // MARK: Answers

  private mutating func hear(_ action: GroupAction) {
    switch action {
    case .answerJoin(let token, let result): hear(token) { $0.joined(result, client: $1) }
    case .answerSync(let token, let result):
      guard case .sync(let claim, _) = open[token]?.request else {
        return violations.append("a sync was answered that nobody waits for")
      }
      if case .success(let share) = result { check(share, of: claim) }
      hear(token) { simulation, client in
        switch result {
        case .success: simulation.clients[client].phase = .works
        case .failure(let error): simulation.refused(error, client)
        }
      }
    case .answer(let token, let error): hear(token) { $0.refused(error, $1) }
    case .answerCommit(let token, let results):
      if case .commit(let claim) = open[token]?.request, results == [nil], claim.generation < newest {
        violations.append("generation \(claim.generation) committed, the newest is \(newest)")
      }
      hear(token) { $0.refused(results.first ?? nil, $1) }
    case .persist, .wake: return
    }
  }

  private mutating func hear(_ token: ReplyToken, _ react: (inout GroupSimulation, Int) -> Void) {
    guard let asked = open.removeValue(forKey: token) else {
      return violations.append("token \(token.rawValue) was answered twice, or after it was closed")
    }
    answered += 1
    if let client = asked.client { react(&self, client) }
  }

  private mutating func joined(_ result: JoinResult, client: Int) {
    switch result {
    case .refused(.memberIDRequired, let id):
      clients[client].memberID = id
      clients[client].phase = .mustJoin
    case .refused(let error, _): refused(error, client)
    case .joined(let group):
      check(group)
      clients[client].memberID = group.memberID
      clients[client].generation = group.generation
      clients[client].life = life
      clients[client].peers = group.peers.map(\.memberID)
      clients[client].nextHeartbeat = now
      clients[client].phase = .mustSync
    }
  }

  private mutating func refused(_ error: GroupError?, _ client: Int) {
    switch error {
    case nil, .coordinatorNotAvailable: break
    case .unknownMemberID, .fencedInstanceID:
      clients[client].memberID = .none
      clients[client].phase = .mustJoin
    case .rebalanceInProgress, .illegalGeneration: clients[client].phase = .mustJoin
    case .some(let other): violations.append("nobody deserves \(other)")
    }
  }

  private mutating func check(_ group: JoinedGroup) {
    if group.generation < newest { violations.append("generation \(group.generation) follows \(newest)") }
    if group.generation > newest { rebalances += 1 }
    newest = max(newest, group.generation)
    if protocols[group.generation, default: group.protocolName] != group.protocolName {
      violations.append("generation \(group.generation) has two protocols")
    }
    protocols[group.generation] = group.protocolName
    let isLeader = group.leader == group.memberID
    if isLeader != !group.peers.isEmpty { violations.append("who leads must know all, others need not") }
    guard isLeader else { return }
    if leaders[group.generation, default: group.memberID] != group.memberID {
      violations.append("generation \(group.generation) has two leaders")
    }
    leaders[group.generation] = group.memberID
    if !group.peers.contains(where: { $0.memberID == group.memberID }) {
      violations.append("the leader is not a member")
    }
  }

  /// A share is its generation's, belongs to its member, and is in the log unless that is full.
  private mutating func check(_ share: [UInt8], of claim: MemberClaim) {
    let text = String(decoding: share, as: UTF8.self)
    if claim.instanceID == nil, text != "\(claim.generation)/\(claim.memberID)" {
      violations.append("\(claim.memberID) of generation \(claim.generation) got share '\(text)'")
    }
    if claim.instanceID != nil, !text.hasPrefix("\(claim.generation)/") {
      violations.append("static \(claim.memberID) of generation \(claim.generation) got share '\(text)'")
    }
    let key = GroupRecord.group(Self.id, nil).key
    guard storesFaithfully, let value = log[key], let record = try? GroupRecord(key: key, value: value),
      case .group(_, let snapshot?) = record
    else {
      if storesFaithfully { violations.append("an assignment was handed out that is not in the log") }
      return
    }
    let stored = snapshot.members.first { $0.id == claim.memberID }
    if snapshot.generation != claim.generation || stored?.assignment != share {
      violations.append("\(claim.memberID) was given a share that is not in the log")
    }
  }
}
