/// What survives of a group when the broker stops: who is a member and what each was assigned. Offsets are stored apart.
///
/// Written when an assignment is adopted, when a static member is replaced, and when the last member is gone, so the
/// stored state is always stable (with members) or empty (without).
struct GroupSnapshot: Equatable, Sendable {
  struct Member: Equatable, Sendable {
    var id: MemberID
    var instanceID: InstanceID?
    var clientID: String
    var clientHost: String
    var sessionTimeout: Duration
    var rebalanceTimeout: Duration
    var protocols: [GroupProtocol]
    var assignment: [UInt8]
  }

  var generation: Int32
  /// Empty if there never was a member.
  var protocolType: String
  /// Empty without members.
  var protocolName: String
  /// Empty without members.
  var leader: MemberID
  /// Since when it has no members, or if it has, when it was stored; wall clock in milliseconds since 1970.
  var emptySince: Int64
  /// In order of joining.
  var members: [Member]

  /// About what it occupies when stored.
  var byteCount: Int {
    members.reduce(64) { sum, member in
      let names = [member.id.rawValue, member.instanceID?.rawValue ?? "", member.clientID, member.clientHost]
      return sum + 64 + names.reduce(0) { $0 + $1.utf8.count } + member.assignment.count
        + member.protocols.reduce(0) { $0 + 8 + $1.name.utf8.count + $1.metadata.count }
    }
  }

  /// Why no group can be like this, if so.
  var contradiction: String? {
    let ids = Set(members.map(\.id))
    let instances = members.compactMap(\.instanceID)
    if generation < 0 { return "its generation is \(generation)" }
    if ids.count != members.count { return "two members have the same id" }
    if Set(instances).count != instances.count { return "two members have the same instance id" }
    if members.isEmpty { return nil }
    if !ids.contains(leader) { return "its leader \(leader) is not a member" }
    let isCommon = members.allSatisfy { $0.protocols.contains { $0.name == protocolName } }
    return isCommon ? nil : "a member does not support the chosen protocol \(protocolName)"
  }
}

extension Group {
  /// The group as it is to be stored now. One that would make too large a record is stored without its members: after
  /// a restart they have to join again.
  func snapshot(at moment: Moment) -> GroupSnapshot {
    var snapshot = GroupSnapshot(
      generation: generation, protocolType: protocolType ?? "", protocolName: protocolName ?? "",
      leader: leader ?? .none, emptySince: emptySince ?? moment.unixMilliseconds,
      members: membersBySeniority.map {
        GroupSnapshot.Member(
          id: $0.id, instanceID: $0.instanceID, clientID: $0.clientID, clientHost: $0.clientHost,
          sessionTimeout: $0.sessionTimeout, rebalanceTimeout: $0.rebalanceTimeout, protocols: $0.protocols,
          assignment: $0.assignment)
      })
    if snapshot.byteCount > limits.maxSnapshotBytes { snapshot.members = [] }
    return snapshot
  }

  /// The group as it was stored: members go on in the same generation, each with a whole session before it.
  ///
  /// - Precondition: the snapshot does not contradict itself; `GroupRecord` decodes no other.
  init(_ id: GroupID, restoring snapshot: GroupSnapshot, limits: GroupLimits, at moment: Moment) {
    self.init(id, limits: limits, at: moment)
    generation = snapshot.generation
    protocolType = snapshot.protocolType.isEmpty ? nil : snapshot.protocolType
    guard !snapshot.members.isEmpty else {
      phase = .empty(since: snapshot.emptySince)
      return
    }
    phase = .stable
    protocolName = snapshot.protocolName
    leader = snapshot.leader
    for stored in snapshot.members {
      let member = GroupMember(restoring: stored, seniority: nextSeniority, at: moment.instant)
      nextSeniority += 1
      members[member.id] = member
      if let instance = member.instanceID { statics[instance] = member.id }
    }
  }
}

extension GroupMember {
  fileprivate init(restoring stored: GroupSnapshot.Member, seniority: Int, at now: ContinuousClock.Instant) {
    id = stored.id
    instanceID = stored.instanceID
    self.seniority = seniority
    clientID = stored.clientID
    clientHost = stored.clientHost
    sessionTimeout = stored.sessionTimeout
    rebalanceTimeout = stored.rebalanceTimeout
    protocols = stored.protocols
    assignment = stored.assignment
    knowsItsID = true
    isFromLog = true
    sessionEnd = now + stored.sessionTimeout
  }
}
