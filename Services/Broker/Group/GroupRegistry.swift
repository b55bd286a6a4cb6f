/// All consumer groups of the broker, with their offsets: what the handlers of the group APIs call.
///
/// **Contract with its driver.** Every input takes the moment it happens at and appends what must be done to `actions`;
/// the driver does these things in order:
/// - `.persist`: append the records to the groups' compacted log as one batch. If that is refused (the disk is full),
///   call `refused(_:at:)` with them and give the answers that follow in the same list as `GroupAction.unavailable`.
/// - `.answer…`: hold the answer until all records appended before for that group are durable, then send it.
/// - `.wake`: replace the group's one timer; when it fires, call `tick(_:at:into:)`.
///
/// When a connection closes, call `connectionClosed` for each of its tokens that has not been answered, and drop
/// held answers for it. Now and then (a minute) call `expire`. At start, read the log into a `Restoration`.
/// Memory follows each input at once; answers alone wait. So a reader may learn of an offset or a generation that a
/// crash takes back: its member is then told to join again, or repeats some records.
///
/// **Concurrency.** A value with one owner. **Bounds.** See `GroupLimits`.
struct GroupRegistry: Sendable {
  let limits: GroupLimits
  private var entries: [GroupID: Entry] = [:]

  private struct Entry: Sendable {
    var group: Group
    var offsets = GroupOffsets()
    /// When the driver's timer will fire.
    var armed: ContinuousClock.Instant?

    /// Nothing would be lost if this were forgotten.
    var isBlank: Bool { group.isBlank && offsets.isEmpty }
  }

  init(limits: GroupLimits = GroupLimits()) {
    self.limits = limits
  }

  // MARK: Members

  /// Answers with `.answerJoin`, at once or when the rebalance is complete. See `Group.join`.
  mutating func join(
    _ id: GroupID, _ request: JoinRequest, reply token: ReplyToken, newMemberID: @autoclosure () -> MemberID,
    at moment: Moment, into actions: inout [GroupAction]
  ) {
    let isNew = entries[id] == nil
    if let error = isNew ? refusalToCreate(id, for: request) : nil {
      actions.append(.answerJoin(token, .refused(error, request.memberID)))
      return
    }
    if isNew { create(id, at: moment) }
    entries[id]?.group.join(request, reply: token, newMemberID: newMemberID(), at: moment, into: &actions)
    settle(id, into: &actions)
  }

  /// Answers with `.answerSync`, at once or when the leader has handed in the assignment. See `Group.sync`.
  mutating func sync(
    _ id: GroupID, _ claim: MemberClaim, assignments: [MemberID: [UInt8]], reply token: ReplyToken, at moment: Moment,
    into actions: inout [GroupAction]
  ) {
    guard entries[id] != nil else {
      actions.append(.answerSync(token, .failure(refusalOfUnknown(id))))
      return
    }
    entries[id]?.group.sync(claim, assignments: assignments, reply: token, at: moment, into: &actions)
    settle(id, into: &actions)
  }

  /// Answers with `.answer` at once. See `Group.heartbeat`.
  mutating func heartbeat(
    _ id: GroupID, _ claim: MemberClaim, reply token: ReplyToken, at moment: Moment, into actions: inout [GroupAction]
  ) {
    guard entries[id] != nil else {
      actions.append(.answer(token, refusalOfUnknown(id)))
      return
    }
    entries[id]?.group.heartbeat(claim, reply: token, at: moment, into: &actions)
    settle(id, into: &actions)
  }

  /// Answers with `.answer` at once. See `Group.leave`.
  mutating func leave(
    _ id: GroupID, _ member: MemberID, reply token: ReplyToken, at moment: Moment, into actions: inout [GroupAction]
  ) {
    guard entries[id] != nil else {
      actions.append(.answer(token, refusalOfUnknown(id)))
      return
    }
    entries[id]?.group.leave(member, reply: token, at: moment, into: &actions)
    settle(id, into: &actions)
  }

  /// Forgets a token that can no longer be answered; harmless if it has been.
  mutating func connectionClosed(
    _ token: ReplyToken, in id: GroupID, at moment: Moment, into actions: inout [GroupAction]
  ) {
    entries[id]?.group.connectionClosed(token, at: moment, into: &actions)
    settle(id, into: &actions)
  }

  /// The group's timer has fired.
  mutating func tick(_ id: GroupID, at moment: Moment, into actions: inout [GroupAction]) {
    entries[id]?.armed = nil
    entries[id]?.group.tick(at: moment, into: &actions)
    settle(id, into: &actions)
  }

  // MARK: Offsets

  /// Stores offsets and answers with `.answerCommit`. The retention a client may ask for (OffsetCommit 2-4) has no
  /// influence.
  mutating func commit(
    _ id: GroupID, _ claim: MemberClaim, _ commits: [OffsetCommit], reply token: ReplyToken, at moment: Moment,
    into actions: inout [GroupAction]
  ) {
    if let error = admitCommit(id, claim, at: moment, into: &actions) {
      actions.append(.answerCommit(token, commits.map { _ in error }))
    } else {
      var records: [GroupRecord] = []
      let results = commits.map { store($0, in: id, at: moment, into: &records) }
      if !records.isEmpty { actions.append(.persist(records)) }
      actions.append(.answerCommit(token, results))
    }
    settle(id, into: &actions)
  }

  private mutating func admitCommit(
    _ id: GroupID, _ claim: MemberClaim, at moment: Moment, into actions: inout [GroupAction]
  ) -> GroupError? {
    if entries[id] == nil {
      // A generation of a group that is gone.
      if claim.generation >= 0 { return limits.allows(id) ? .illegalGeneration : .invalidGroupID }
      if let error = refusalToCreate(id) { return error }
      create(id, at: moment)
    }
    return entries[id]?.group.admitCommit(claim, at: moment, into: &actions)
  }

  private mutating func store(
    _ commit: OffsetCommit, in id: GroupID, at moment: Moment, into records: inout [GroupRecord]
  ) -> GroupError? {
    guard commit.metadata.utf8.count <= limits.maxOffsetMetadataBytes else { return .offsetMetadataTooLarge }
    let key = OffsetKey(topic: commit.topic, partition: commit.partition)
    let committed = CommittedOffset(
      offset: commit.offset, leaderEpoch: commit.leaderEpoch, metadata: commit.metadata,
      committedAt: moment.unixMilliseconds)
    records.append(.offset(id, key, committed, replacing: entries[id]?.offsets[key]))
    entries[id]?.offsets[key] = committed
    return nil
  }

  /// The log would not take these records: memory goes back to the offsets it held before. Groups go on as they are.
  mutating func refused(_ records: [GroupRecord], at moment: Moment) {
    for case .offset(let id, let key, _, let previous) in records.reversed() {
      if entries[id] == nil, previous != nil { create(id, at: moment) }
      entries[id]?.offsets[key] = previous
    }
  }

  /// The offset of one partition; nil if none was ever committed.
  func committed(_ id: GroupID, _ key: OffsetKey) -> CommittedOffset? {
    entries[id]?.offsets[key]
  }

  /// Every offset of the group, ordered by topic and partition.
  func allCommitted(_ id: GroupID) -> [(key: OffsetKey, value: CommittedOffset)] {
    entries[id]?.offsets.all ?? []
  }

  /// Removes offsets that nobody used for the retention, and groups of which nothing is left. Costs O(offsets).
  mutating func expire(at moment: Moment, into actions: inout [GroupAction]) {
    for (id, entry) in entries where entry.group.state == .empty {
      let emptySince = entry.group.protocolType == nil ? nil : entry.group.emptySince
      let keys = entry.offsets.expired(
        at: moment.unixMilliseconds, after: limits.offsetsRetention, emptySince: emptySince)
      forget(keys, of: id, into: &actions)
      if entries[id]?.offsets.isEmpty == true, entry.group.pending.isEmpty { bury(id, into: &actions) }
    }
  }

  /// Removes every group's offsets in a topic that no longer exists.
  mutating func topicDeleted(_ topic: String, into actions: inout [GroupAction]) {
    for (id, entry) in entries { forget(entry.offsets.keys(ofTopic: topic), of: id, into: &actions) }
  }

  private mutating func forget(_ keys: [OffsetKey], of id: GroupID, into actions: inout [GroupAction]) {
    guard !keys.isEmpty else { return }
    actions.append(
      .persist(
        keys.map { key in
          defer { entries[id]?.offsets[key] = nil }
          return .offset(id, key, nil, replacing: entries[id]?.offsets[key])
        }))
  }

  // MARK: Operators

  /// Every group, or those in these states, ordered by name.
  func list(in states: Set<GroupState> = Set(GroupState.allCases)) -> [GroupDescription] {
    entries.values.map(\.group).filter { states.contains($0.state) }
      .sorted { $0.id.rawValue < $1.id.rawValue }.map { $0.describe() }
  }

  /// How many groups there are in each state.
  var counts: [GroupState: Int] {
    entries.values.reduce(into: [:]) { $0[$1.group.state, default: 0] += 1 }
  }

  /// A name without a group is described as dead.
  func describe(_ id: GroupID) -> GroupDescription {
    entries[id]?.group.describe()
      ?? GroupDescription(id: id, state: .dead, protocolType: "", protocolName: "", members: [])
  }

  /// Removes a group nobody is a member of, with its offsets.
  ///
  /// - Throws: `nonEmptyGroup`, `groupIDNotFound` or `invalidGroupID`.
  mutating func delete(_ id: GroupID, at moment: Moment, into actions: inout [GroupAction]) throws(GroupError) {
    guard limits.allows(id) else { throw .invalidGroupID }
    entries[id]?.group.tick(at: moment, into: &actions)
    settle(id, into: &actions)
    guard let entry = entries[id] else { throw .groupIDNotFound }
    guard entry.group.state == .empty else { throw .nonEmptyGroup }
    forget(entry.offsets.all.map(\.key), of: id, into: &actions)
    bury(id, into: &actions)
  }

  // MARK: Entries

  private func refusalToCreate(_ id: GroupID, for request: JoinRequest? = nil) -> GroupError? {
    guard limits.allows(id) else { return .invalidGroupID }
    if let error = request.flatMap(limits.refusal(of:)) { return error }
    if let request, !request.memberID.isEmpty { return .unknownMemberID }
    return entries.count < limits.maxGroups ? nil : .coordinatorNotAvailable
  }

  private func refusalOfUnknown(_ id: GroupID) -> GroupError {
    limits.allows(id) ? .unknownMemberID : .invalidGroupID
  }

  private mutating func create(_ id: GroupID, at moment: Moment) {
    entries[id] = Entry(group: Group(id, limits: limits, at: moment))
  }

  /// After each input: forgets a group that came to nothing, and has the timer moved if it would fire too late.
  private mutating func settle(_ id: GroupID, into actions: inout [GroupAction]) {
    guard let entry = entries[id] else { return }
    if entry.isBlank {
      entries[id] = nil
    } else if let deadline = entry.group.nextDeadline, entry.armed.map({ deadline < $0 }) ?? true {
      entries[id]?.armed = deadline
      actions.append(.wake(id, deadline))
    }
  }

  private mutating func bury(_ id: GroupID, into actions: inout [GroupAction]) {
    guard let entry = entries.removeValue(forKey: id), entry.group.generation > 0 else { return }
    actions.append(.persist([.group(id, nil)]))
  }
}

extension GroupRegistry {
  /// The groups as the log tells them, record by record from its beginning.
  struct Restoration: Sendable {
    private var snapshots: [GroupID: GroupSnapshot] = [:]
    private var offsets: [GroupID: GroupOffsets] = [:]

    init() {}

    /// - Throws: `GroupRecordError` if the record is not one of ours; what was read before stays.
    mutating func read(key: [UInt8], value: [UInt8]?) throws(GroupRecordError) {
      switch try GroupRecord(key: key, value: value) {
      case .group(let id, let snapshot): snapshots[id] = snapshot
      case .offset(let id, let key, let committed, _):
        offsets[id, default: GroupOffsets()][key] = committed
        if offsets[id]?.isEmpty == true { offsets[id] = nil }
      }
    }

    /// Members go on in their generation, each with a whole session before it; `actions` gets the groups' first timers.
    func registry(
      limits: GroupLimits = GroupLimits(), at moment: Moment, into actions: inout [GroupAction]
    ) -> GroupRegistry {
      var registry = GroupRegistry(limits: limits)
      for id in Set(snapshots.keys).union(offsets.keys) {
        let group =
          snapshots[id].map { Group(id, restoring: $0, limits: limits, at: moment) }
          ?? Group(id, limits: limits, at: moment)
        registry.entries[id] = Entry(group: group, offsets: offsets[id] ?? GroupOffsets())
        registry.settle(id, into: &actions)
      }
      return registry
    }
  }
}
