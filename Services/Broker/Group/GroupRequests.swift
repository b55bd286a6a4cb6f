/// What members ask between two joins.
extension Group {
  /// Asks for the member's assignment; the leader hands in everybody's. Waits until the leader has.
  mutating func sync(
    _ claim: MemberClaim, assignments: [MemberID: [UInt8]], reply token: ReplyToken, at moment: Moment,
    into actions: inout [GroupAction]
  ) {
    tick(at: moment, into: &actions)
    let id = claim.memberID
    if let error = refusal(of: claim) {
      actions.append(.answerSync(token, .failure(error)))
      return
    }
    switch phase {
    case .empty, .preparing: actions.append(.answerSync(token, .failure(.rebalanceInProgress)))
    case .completing:
      // An earlier sync that still waits was given up by its client; see `park` for why it is answered.
      releaseSync(of: id, with: .failure(.rebalanceInProgress), at: moment, into: &actions)
      members[id]?.parked = .sync(token)
      paidSync(id)
      if id == leader { adopt(assignments, at: moment, into: &actions) }
    case .stable:
      paidSync(id)
      members[id]?.heard(at: moment.instant)
      actions.append(.answerSync(token, .success(members[id]?.assignment ?? [])))
    }
  }

  /// Makes the leader's assignment the group's: first the record, then the answers, so that no member works on an
  /// assignment which a restarted broker would not know.
  private mutating func adopt(
    _ assignments: [MemberID: [UInt8]], at moment: Moment, into actions: inout [GroupAction]
  ) {
    for id in members.keys { members[id]?.assignment = assignments[id] ?? [] }
    phase = .stable
    actions.append(.persist([.group(id, snapshot(at: moment))]))
    for member in members.values {
      releaseSync(of: member.id, with: .success(member.assignment), at: moment, into: &actions)
    }
  }

  private mutating func paidSync(_ id: MemberID) {
    members[id]?.owesSync = false
    if !members.values.contains(where: \.owesSync) { syncDeadline = nil }
  }

  /// Keeps the member's session; `rebalanceInProgress` tells it to join again.
  mutating func heartbeat(
    _ claim: MemberClaim, reply token: ReplyToken, at moment: Moment, into actions: inout [GroupAction]
  ) {
    tick(at: moment, into: &actions)
    let error = refusal(of: claim)
    if error == nil { members[claim.memberID]?.heard(at: moment.instant) }
    actions.append(.answer(token, error ?? (state == .preparingRebalance ? .rebalanceInProgress : nil)))
  }

  /// Ends a membership, or the wait for a member that was given an id.
  mutating func leave(_ id: MemberID, reply token: ReplyToken, at moment: Moment, into actions: inout [GroupAction]) {
    tick(at: moment, into: &actions)
    if pending.removeValue(forKey: id) != nil {
      completeJoinIfEverybodyIsHere(at: moment, into: &actions)
      actions.append(.answer(token, nil))
    } else if let member = members[id] {
      remove([member], at: moment, into: &actions)
      actions.append(.answer(token, nil))
    } else {
      actions.append(.answer(token, .unknownMemberID))
    }
  }

  /// Whether these credentials may commit offsets now; nil: they may, and the member has been heard of.
  ///
  /// Members may commit while others prepare a rebalance, so that nobody repeats their work, but not between the begin
  /// of a generation and its assignment. Simple consumers may as long as nobody is a member.
  mutating func admitCommit(
    _ claim: MemberClaim, at moment: Moment, into actions: inout [GroupAction]
  ) -> GroupError? {
    tick(at: moment, into: &actions)
    if claim.generation < 0, state == .empty { return nil }
    if let error = refusal(of: claim) { return error }
    members[claim.memberID]?.heard(at: moment.instant)
    return state == .completingRebalance ? .rebalanceInProgress : nil
  }

  /// The connection that `token` would be answered on is gone: the token is forgotten, and the member's session begins
  /// to run. A member that was never told its id cannot come back, so it is removed at once.
  mutating func connectionClosed(_ token: ReplyToken, at moment: Moment, into actions: inout [GroupAction]) {
    let waiting = members.values.first { $0.parked == .join(token) || $0.parked == .sync(token) }
    if let member = waiting {
      unpark(member.id, at: moment)
      if !member.knowsItsID, member.instanceID == nil {
        remove([members[member.id]].compactMap(\.self), at: moment, into: &actions)
      }
    }
    tick(at: moment, into: &actions)
  }

  /// Why this member may not speak for the group in this generation.
  func refusal(of claim: MemberClaim) -> GroupError? {
    if let error = refusal(of: claim.memberID, instance: claim.instanceID) { return error }
    return claim.generation == generation ? nil : .illegalGeneration
  }

  /// Why this is not a member: its instance id belongs to another process by now, or nobody knows it.
  ///
  /// A static member may have started anew in a rebalance that a crash of the broker took back. Then the log still names
  /// its old self; so until that one is heard of, the new self is told to join again rather than fenced, which would be
  /// fatal to it.
  func refusal(of member: MemberID, instance: InstanceID?) -> GroupError? {
    if let instance {
      guard let current = statics[instance] else { return .unknownMemberID }
      if current != member { return members[current]?.isFromLog == true ? .unknownMemberID : .fencedInstanceID }
    }
    return members[member] == nil ? .unknownMemberID : nil
  }
}
