/// Joining: new members, static members that start anew, and members that join again.
extension Group {
  /// Answers at once or when the rebalance this causes is complete.
  ///
  /// - Parameter newMemberID: asked for once if the member has no id yet; must never have been used before.
  mutating func join(
    _ request: JoinRequest, reply token: ReplyToken, newMemberID: @autoclosure () -> MemberID, at moment: Moment,
    into actions: inout [GroupAction]
  ) {
    tick(at: moment, into: &actions)
    let id = request.memberID
    if let error = refusal(of: request) {
      actions.append(.answerJoin(token, .refused(error, id)))
    } else if id.isEmpty {
      joinWithoutID(request, reply: token, as: newMemberID(), at: moment, into: &actions)
    } else if pending[id] != nil, request.instanceID == nil {
      pending[id] = nil
      add(request, as: id, reply: token, at: moment, into: &actions)
    } else if let error = refusal(of: id, instance: request.instanceID) {
      actions.append(.answerJoin(token, .refused(error, id)))
    } else {
      joinAgain(request, reply: token, at: moment, into: &actions)
    }
    completeJoinIfEverybodyIsHere(at: moment, into: &actions)
  }

  private func refusal(of request: JoinRequest) -> GroupError? {
    if let error = limits.refusal(of: request) { return error }
    let isKnown =
      members[request.memberID] != nil || pending[request.memberID] != nil
      || request.instanceID.flatMap { statics[$0] } != nil
    guard isKnown || members.count + pending.count < limits.maxMembers else { return .groupMaxSizeReached }
    guard !request.protocolType.isEmpty, !request.protocols.isEmpty else { return .inconsistentGroupProtocol }
    if members.isEmpty { return nil }
    guard request.protocolType == protocolType, request.protocols.contains(where: { isSupportedByAll($0.name) })
    else { return .inconsistentGroupProtocol }
    return nil
  }

  private mutating func joinWithoutID(
    _ request: JoinRequest, reply token: ReplyToken, as id: MemberID, at moment: Moment,
    into actions: inout [GroupAction]
  ) {
    precondition(members[id] == nil && pending[id] == nil && !id.isEmpty, "member id \(id) was given out twice")
    if let instance = request.instanceID, let old = statics[instance] {
      replace(old, by: id, request, reply: token, at: moment, into: &actions)
    } else if request.instanceID == nil, request.requiresKnownMemberID {
      pending[id] = moment.instant + request.sessionTimeout
      actions.append(.answerJoin(token, .refused(.memberIDRequired, id)))
    } else {
      add(request, as: id, reply: token, at: moment, into: &actions)
    }
  }

  private mutating func add(
    _ request: JoinRequest, as id: MemberID, reply token: ReplyToken, at moment: Moment,
    into actions: inout [GroupAction]
  ) {
    if members.isEmpty { protocolType = request.protocolType }
    if case .preparing(var rebalance) = phase {
      rebalance.initial?.wanted = true
      phase = .preparing(rebalance)
    }
    var member = GroupMember(request, id: id, seniority: nextSeniority, at: moment.instant)
    member.parked = .join(token)
    nextSeniority += 1
    members[id] = member
    if let instance = request.instanceID { statics[instance] = id }
    if leader == nil { leader = id }
    prepareRebalance(at: moment, into: &actions)
  }

  /// A known member joins: it obeys a rebalance, has changed, leads and wants a new assignment, or lost an answer.
  private mutating func joinAgain(
    _ request: JoinRequest, reply token: ReplyToken, at moment: Moment, into actions: inout [GroupAction]
  ) {
    let id = request.memberID
    let isUnchanged = members[id]?.protocols == request.protocols
    switch phase {
    case .completing where isUnchanged:
      members[id]?.heard(at: moment.instant)
      actions.append(.answerJoin(token, .joined(joined(as: id, peers: id == leader))))
    case .stable where isUnchanged && id != leader:
      members[id]?.heard(at: moment.instant)
      actions.append(.answerJoin(token, .joined(joined(as: id, peers: false))))
    case .empty, .preparing, .completing, .stable:
      park(token, joining: id, at: moment, into: &actions)
      members[id]?.update(request)
      prepareRebalance(at: moment, into: &actions)
    }
  }

  /// A static member starts anew (KIP-345): it takes the place of its old self, whose requests are fenced from now on.
  ///
  /// In a stable group nobody else notices as long as the same assignor is chosen: the new self learns the generation
  /// and, if the old one led, that the old one leads, so that it only asks for its assignment.
  private mutating func replace(
    _ old: MemberID, by id: MemberID, _ request: JoinRequest, reply token: ReplyToken, at moment: Moment,
    into actions: inout [GroupAction]
  ) {
    releaseJoin(of: old, with: .refused(.fencedInstanceID, old), at: moment, into: &actions)
    releaseSync(of: old, with: .failure(.fencedInstanceID), at: moment, into: &actions)
    guard var member = members.removeValue(forKey: old), let instance = member.instanceID else { return }
    let formerLeader = leader
    member.id = id
    member.update(request)
    member.knowsItsID = false
    member.owesSync = false
    member.heard(at: moment.instant)
    members[id] = member
    statics[instance] = id
    if leader == old { leader = id }
    if case .stable = phase, electProtocol() == protocolName {
      actions.append(.persist([.group(self.id, snapshot(at: moment))]))
      actions.append(.answerJoin(token, .joined(joined(as: id, leader: formerLeader, peers: false))))
    } else {
      park(token, joining: id, at: moment, into: &actions)
      prepareRebalance(at: moment, into: &actions)
    }
  }

  /// Lets a join wait. One that waited already has been given up by its client, which sent this one instead; it is
  /// answered so that whatever follows it on its connection can be.
  private mutating func park(
    _ token: ReplyToken, joining id: MemberID, at moment: Moment, into actions: inout [GroupAction]
  ) {
    releaseJoin(of: id, with: .refused(.rebalanceInProgress, id), at: moment, into: &actions)
    releaseSync(of: id, with: .failure(.rebalanceInProgress), at: moment, into: &actions)
    members[id]?.parked = .join(token)
  }
}
