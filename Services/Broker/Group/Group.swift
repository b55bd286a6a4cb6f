/// A consumer group: who its members are, and which generation of them holds which assignment.
///
/// **Overview.** A value that does what Apache Kafka's classic group coordinator does, without I/O, clock or randomness.
/// Members *join* with the assignors they can use; when all have, a *generation* begins: one assignor is chosen, one
/// member leads. Everybody *syncs*; the leader hands in the assignment, which the broker never reads, and each gets its
/// part. Any change of membership or of a member's metadata makes all join again. This file holds the states and the
/// timeouts; `GroupJoin` and `GroupRequests` hold what members ask for.
///
/// **Life cycle.** empty → preparingRebalance → completingRebalance → stable, from the last two back to
/// preparingRebalance, and from there to empty when nobody is left. Each begun generation has a higher number, an empty
/// one too. A crash of the broker takes back those that were not stored, and their numbers come again; nobody was given
/// an assignment in them unless the disk was full.
///
/// **Concurrency.** None: the `GroupRegistry` owns it, and the registry's driver calls from one place.
///
/// **Invariants.** A member has at most one request waiting; it is answered exactly once, or dropped by
/// `connectionClosed`. All members have at least one assignor in common. The leader is a member. Nobody's session ends
/// while a request of theirs waits. After `tick(at:)` no deadline is due.
///
/// Sources: Kafka protocol; KIP-62 (rebalance timeout), KIP-134 (initial delay), KIP-211 (offsets), KIP-345 (static
/// members), KIP-394 (known member ids).
struct Group: Sendable {
  enum Phase: Sendable {
    /// Since when, by the wall clock in milliseconds.
    case empty(since: Int64)
    case preparing(Rebalance)
    case completing
    case stable
  }

  /// The wait for members to join.
  struct Rebalance: Sendable {
    var deadline: ContinuousClock.Instant
    /// Only of a group that was empty: how much longer the deadline may still move.
    var initial: Extension?

    struct Extension: Sendable {
      var remaining: Duration
      /// Somebody joined since the deadline was set.
      var wanted = false
    }
  }

  let id: GroupID
  let limits: GroupLimits
  var phase: Phase
  var generation: Int32 = 0
  /// What its members last were, "consumer" for consumers; nil: only simple consumers so far.
  var protocolType: String?
  /// The assignor of the current generation.
  var protocolName: String?
  var leader: MemberID?
  var members: [MemberID: GroupMember] = [:]
  var statics: [InstanceID: MemberID] = [:]
  /// Ids given out (KIP-394) that nobody has joined with yet, and until when one may.
  var pending: [MemberID: ContinuousClock.Instant] = [:]
  /// When those who still owe a sync are removed.
  var syncDeadline: ContinuousClock.Instant?
  var nextSeniority = 0

  init(_ id: GroupID, limits: GroupLimits, at moment: Moment) {
    self.id = id
    self.limits = limits
    phase = .empty(since: moment.unixMilliseconds)
  }

  var state: GroupState {
    switch phase {
    case .empty: .empty
    case .preparing: .preparingRebalance
    case .completing: .completingRebalance
    case .stable: .stable
    }
  }

  /// Since when nobody is a member, by the wall clock in milliseconds; nil while somebody is.
  var emptySince: Int64? {
    if case .empty(let since) = phase { since } else { nil }
  }

  /// Nothing here is worth remembering: no generation ever began, and nobody is about to join.
  var isBlank: Bool {
    state == .empty && generation == 0 && pending.isEmpty
  }

  /// In order of joining.
  var membersBySeniority: [GroupMember] {
    members.values.sorted { $0.seniority < $1.seniority }
  }

  func describe() -> GroupDescription {
    let chosen = state == .stable ? protocolName : nil
    return GroupDescription(
      id: id, state: state, protocolType: protocolType ?? "", protocolName: chosen ?? "",
      members: membersBySeniority.map { member in
        GroupDescription.Member(
          memberID: member.id, instanceID: member.instanceID, clientID: member.clientID, clientHost: member.clientHost,
          metadata: chosen.flatMap(member.metadata(for:)) ?? [], assignment: chosen == nil ? [] : member.assignment)
      })
  }

  // MARK: Time

  /// When `tick` has something to do; nil: only a request can change anything.
  var nextDeadline: ContinuousClock.Instant? {
    var next = syncDeadline
    func consider(_ deadline: ContinuousClock.Instant) { next = min(next ?? deadline, deadline) }
    if case .preparing(let rebalance) = phase { consider(rebalance.deadline) }
    for member in members.values { member.expiry.map(consider) }
    for deadline in pending.values { consider(deadline) }
    return next
  }

  /// Does everything whose time has come: a deadline is due at its own instant. Costs O(members).
  mutating func tick(at moment: Moment, into actions: inout [GroupAction]) {
    let now = moment.instant
    for (id, deadline) in pending where deadline <= now { pending[id] = nil }
    remove(members.values.filter { $0.isSilent(at: now) }, at: moment, into: &actions)
    if let deadline = syncDeadline, deadline <= now {
      syncDeadline = nil
      remove(members.values.filter(\.owesSync), at: moment, into: &actions)
    }
    completeJoinIfEverybodyIsHere(at: moment, into: &actions)
    if case .preparing(let rebalance) = phase, rebalance.deadline <= now {
      extendOrCompleteJoin(rebalance, at: moment, into: &actions)
    }
  }

  // MARK: Rebalance

  /// Makes everybody join again, unless they are asked to already.
  mutating func prepareRebalance(at moment: Moment, into actions: inout [GroupAction]) {
    let timeout = longestRebalanceTimeout
    let delay = limits.initialRebalanceDelay
    switch phase {
    case .preparing: return
    case .empty where delay > .zero:
      phase = .preparing(
        Rebalance(deadline: moment.instant + delay, initial: .init(remaining: max(timeout - delay, .zero))))
    case .empty, .completing, .stable:
      for id in members.keys {
        releaseSync(of: id, with: .failure(.rebalanceInProgress), at: moment, into: &actions)
      }
      phase = .preparing(Rebalance(deadline: moment.instant + timeout))
    }
    syncDeadline = nil
  }

  /// Begins the generation as soon as there is nobody left to wait for; the initial delay is always waited for.
  mutating func completeJoinIfEverybodyIsHere(at moment: Moment, into actions: inout [GroupAction]) {
    guard case .preparing(let rebalance) = phase, rebalance.initial == nil, pending.isEmpty,
      members.values.allSatisfy(\.awaitsJoin)
    else { return }
    completeJoin(at: moment, into: &actions)
  }

  private mutating func extendOrCompleteJoin(
    _ rebalance: Rebalance, at moment: Moment, into actions: inout [GroupAction]
  ) {
    guard let initial = rebalance.initial, initial.wanted, initial.remaining > .zero else {
      return completeJoin(at: moment, into: &actions)
    }
    let delay = min(limits.initialRebalanceDelay, initial.remaining)
    phase = .preparing(
      Rebalance(deadline: moment.instant + delay, initial: .init(remaining: initial.remaining - delay)))
  }

  /// Begins the next generation with those who have joined. Others are removed, static members excepted: they have
  /// until the end of their session.
  private mutating func completeJoin(at moment: Moment, into actions: inout [GroupAction]) {
    for member in members.values where !member.awaitsJoin && member.instanceID == nil { forget(member) }
    if members.isEmpty { return beginEmptyGeneration(at: moment, into: &actions) }
    if leader.flatMap({ members[$0] })?.awaitsJoin != true {
      guard let next = membersBySeniority.first(where: \.awaitsJoin) else {
        // Only absent static members: wait for one of them, or for their sessions to end.
        phase = .preparing(Rebalance(deadline: moment.instant + longestRebalanceTimeout))
        return
      }
      leader = next.id
    }
    advanceGeneration()
    protocolName = electProtocol()
    phase = .completing
    syncDeadline = moment.instant + longestRebalanceTimeout
    for id in members.keys {
      let isHere = members[id]?.awaitsJoin == true
      members[id]?.owesSync = isHere
      guard isHere else { continue }
      releaseJoin(of: id, with: .joined(joined(as: id, peers: id == leader)), at: moment, into: &actions)
      members[id]?.knowsItsID = true
    }
  }

  private mutating func beginEmptyGeneration(at moment: Moment, into actions: inout [GroupAction]) {
    advanceGeneration()
    protocolName = nil
    leader = nil
    phase = .empty(since: moment.unixMilliseconds)
    syncDeadline = nil
    actions.append(.persist([.group(id, snapshot(at: moment))]))
  }

  private mutating func advanceGeneration() {
    generation = generation == .max ? 1 : generation + 1
  }

  private var longestRebalanceTimeout: Duration {
    max(members.values.map(\.rebalanceTimeout).max() ?? .zero, limits.minRebalanceTimeout)
  }

  /// Each member votes for the first of its assignors that all have; most votes win, the senior's choice breaks ties.
  func electProtocol() -> String? {
    var votes: [(name: String, count: Int)] = []
    for member in membersBySeniority {
      guard let vote = member.protocols.first(where: { isSupportedByAll($0.name) })?.name else { continue }
      if let index = votes.firstIndex(where: { $0.name == vote }) {
        votes[index].count += 1
      } else {
        votes.append((vote, 1))
      }
    }
    let most = votes.map(\.count).max()
    return votes.first { $0.count == most }?.name
  }

  func isSupportedByAll(_ name: String) -> Bool {
    members.values.allSatisfy { $0.metadata(for: name) != nil }
  }

  // MARK: Members

  /// Removes members and makes the others rebalance; whatever waited for a removed member is answered.
  mutating func remove(_ leaving: [GroupMember], at moment: Moment, into actions: inout [GroupAction]) {
    guard !leaving.isEmpty else { return }
    for member in leaving {
      releaseJoin(of: member.id, with: .refused(.unknownMemberID, .none), at: moment, into: &actions)
      releaseSync(of: member.id, with: .failure(.unknownMemberID), at: moment, into: &actions)
      forget(member)
    }
    prepareRebalance(at: moment, into: &actions)
    completeJoinIfEverybodyIsHere(at: moment, into: &actions)
  }

  private mutating func forget(_ member: GroupMember) {
    members[member.id] = nil
    if let instance = member.instanceID { statics[instance] = nil }
    if leader == member.id { leader = members.values.min { $0.seniority < $1.seniority }?.id }
  }

  /// Answers the join this member has waiting, if it has one.
  mutating func releaseJoin(
    of id: MemberID, with result: JoinResult, at moment: Moment, into actions: inout [GroupAction]
  ) {
    guard case .join(let token) = members[id]?.parked else { return }
    actions.append(.answerJoin(token, result))
    unpark(id, at: moment)
  }

  /// Answers the sync this member has waiting, if it has one.
  mutating func releaseSync(
    of id: MemberID, with result: Result<[UInt8], GroupError>, at moment: Moment, into actions: inout [GroupAction]
  ) {
    guard case .sync(let token) = members[id]?.parked else { return }
    actions.append(.answerSync(token, result))
    unpark(id, at: moment)
  }

  /// Nothing of this member waits any more: its session begins again.
  mutating func unpark(_ id: MemberID, at moment: Moment) {
    members[id]?.parked = .nothing
    members[id]?.heard(at: moment.instant)
  }

  /// The current generation as this member is told of it.
  func joined(as member: MemberID, leader announced: MemberID? = nil, peers withPeers: Bool) -> JoinedGroup {
    let name = protocolName ?? ""
    let peers = withPeers ? membersBySeniority : []
    return JoinedGroup(
      generation: generation, protocolType: protocolType ?? "", protocolName: name,
      leader: announced ?? leader ?? .none, memberID: member,
      peers: peers.map {
        JoinedGroup.Peer(memberID: $0.id, instanceID: $0.instanceID, metadata: $0.metadata(for: name) ?? [])
      })
  }
}
