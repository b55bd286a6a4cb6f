import Testing

@testable import Broker

/// Members that come, go and fall silent.
@Suite struct GroupMembershipTests {
  @Test func `the first member of a group is answered when the initial delay is over`() {
    var play = GroupTranscript()
    play.join("ann")
    play.pass(.milliseconds(99))
    #expect(play.heard() == [])
    play.pass(.milliseconds(1))
    #expect(play.heard() == ["ann: generation 1 range as ann-1, leads ann-1"])
    play.sync("ann", ["ann": "p0 p1"])
    #expect(play.heard() == ["stored g generation 1 ann-1", "ann: assigned 'p0 p1'"])
    play.heartbeat("ann")
    #expect(play.heard() == ["ann: ok"])
    #expect(play.state == .stable)
  }

  @Test func `each further member extends the initial delay, up to the rebalance timeout`() {
    var play = GroupTranscript()
    play.join("ann", rebalance: .milliseconds(250))
    for name in ["bob", "cy", "dan"] {
      play.pass(.milliseconds(60))
      play.join(name, rebalance: .milliseconds(250))
    }
    play.pass(.milliseconds(69))
    #expect(play.heard() == [])
    play.pass(.milliseconds(1))
    #expect(
      play.heard().sorted() == [
        "ann: generation 1 range as ann-1, leads ann-1 bob-1 cy-1 dan-1",
        "bob: generation 1 range as bob-1, follows ann-1",
        "cy: generation 1 range as cy-1, follows ann-1",
        "dan: generation 1 range as dan-1, follows ann-1",
      ])
  }

  @Test func `without an initial delay the first member is answered at once`() {
    var limits = GroupLimits()
    limits.initialRebalanceDelay = .zero
    var play = GroupTranscript(limits)
    play.join("ann")
    #expect(play.heard() == ["ann: generation 1 range as ann-1, leads ann-1"])
  }

  @Test func `followers get their share when the leader has handed in the assignment`() {
    var play = GroupTranscript()
    play.join("ann")
    play.join("bob")
    play.join("cy")
    play.pass(.milliseconds(200))
    _ = play.heard()
    play.sync("bob")
    #expect(play.heard() == [])
    play.heartbeat("bob")
    #expect(play.heard() == ["bob: ok"])
    play.sync("ann", ["ann": "p0", "bob": "p1"])
    #expect(
      play.heard().sorted() == ["ann: assigned 'p0'", "bob: assigned 'p1'", "stored g generation 1 ann-1 bob-1 cy-1"])
    play.sync("cy")
    #expect(play.heard() == ["cy: assigned ''"])
  }

  @Test func `a new member makes the others join again`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("cy")
    play.heartbeat("ann")
    play.heartbeat("bob")
    play.sync("bob")
    #expect(play.heard() == ["ann: rebalanceInProgress", "bob: rebalanceInProgress", "bob: sync rebalanceInProgress"])
    play.join("bob")
    #expect(play.heard() == [])
    play.join("ann")
    #expect(
      play.heard().sorted() == [
        "ann: generation 2 range as ann-1, leads ann-1 bob-1 cy-1", "bob: generation 2 range as bob-1, follows ann-1",
        "cy: generation 2 range as cy-1, follows ann-1",
      ])
    play.heartbeat("ann", as: MemberClaim(memberID: "ann-1", generation: 1))
    #expect(play.heard() == ["ann: illegalGeneration"])
  }

  @Test func `when the leader leaves, the senior of those who have joined again leads`() {
    var play = GroupTranscript()
    play.settle("ann", "bob", "cy")
    play.leave("ann")
    #expect(play.heard() == ["ann: ok"])
    play.join("cy")
    play.join("bob")
    #expect(
      play.heard().sorted() == [
        "bob: generation 2 range as bob-1, leads bob-1 cy-1", "cy: generation 2 range as cy-1, follows bob-1",
      ])
  }

  @Test func `when the last member leaves, the empty generation is stored before the answer`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.leave("ann")
    #expect(play.heard() == ["stored g generation 2", "ann: ok"])
    #expect(play.state == .empty)
    play.heartbeat("ann", as: MemberClaim(memberID: "ann-1", generation: 1))
    #expect(play.heard() == ["ann: unknownMemberID"])
  }

  @Test func `a member that leaves while others wait for it completes their rebalance`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    play.leave("ann")
    #expect(play.heard() == ["bob: generation 2 range as bob-1, leads bob-1", "ann: ok"])
  }

  @Test func `a silent member is removed at the very end of its session`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.pass(.seconds(7))
    play.heartbeat("ann")
    play.pass(.milliseconds(2_999))
    #expect(play.heard() == ["ann: ok"])
    #expect(play.state == .stable)
    play.pass(.milliseconds(1))
    #expect(play.state == .preparingRebalance)
    play.join("ann")
    #expect(play.heard() == ["ann: generation 2 range as ann-1, leads ann-1"])
  }

  @Test func `a heartbeat at the end of the session is too late even if the timer has not fired`() {
    var registry = GroupRegistry()
    var actions: [GroupAction] = []
    let start = ContinuousClock.now
    func moment(_ time: Duration) -> Moment { Moment(instant: start + time, unixMilliseconds: 0) }
    let request = JoinRequest(
      memberID: .none, instanceID: nil, clientID: "", clientHost: "", sessionTimeout: .seconds(6),
      rebalanceTimeout: .seconds(60), protocolType: "consumer", protocols: [GroupProtocol(name: "range", metadata: [])],
      requiresKnownMemberID: false)
    registry.join(
      "g", request, reply: ReplyToken(rawValue: 1), newMemberID: "ann-1", at: moment(.zero), into: &actions)
    registry.tick("g", at: moment(.milliseconds(100)), into: &actions)
    let claim = MemberClaim(memberID: "ann-1", generation: 1)
    actions = []
    registry.heartbeat(
      "g", claim, reply: ReplyToken(rawValue: 2), at: moment(.milliseconds(6_100)), into: &actions)
    guard case .answer(_, let error) = actions.last else {
      Issue.record("no answer")
      return
    }
    #expect(error == .unknownMemberID)
  }

  @Test func `nobody's session ends while a request of theirs waits`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    for _ in 0..<6 {
      play.pass(.seconds(9))
      play.heartbeat("ann")
    }
    #expect(play.heard() == Array(repeating: "ann: rebalanceInProgress", count: 6))
    #expect(play.registry.describe("g").members.map(\.memberID) == ["ann-1", "bob-1"])
  }

  @Test func `who has not joined again at the rebalance timeout is removed`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", rebalance: .seconds(60), [("range", "t,u")])
    for _ in 0..<7 {
      play.pass(.seconds(8))
      play.heartbeat("ann")
    }
    play.pass(.milliseconds(3_999))
    #expect(play.heard().last == "ann: rebalanceInProgress")
    play.pass(.milliseconds(1))
    #expect(play.heard() == ["bob: generation 2 range as bob-1, leads bob-1"])
    play.heartbeat("ann")
    #expect(play.heard() == ["ann: unknownMemberID"])
  }

  @Test func `the longest rebalance timeout of all members counts`() {
    var play = GroupTranscript()
    play.join("ann", session: .seconds(600), rebalance: .seconds(20))
    play.join("bob", session: .seconds(600), rebalance: .seconds(40))
    play.pass(.milliseconds(200))
    play.sync("bob")
    play.sync("ann")
    _ = play.heard()
    play.join("bob", session: .seconds(600), rebalance: .seconds(40), [("range", "other")])
    play.pass(.milliseconds(39_999))
    #expect(play.heard() == [])
    play.pass(.milliseconds(1))
    #expect(play.heard() == ["bob: generation 2 range as bob-1, leads bob-1"])
  }

  @Test func `a leader that dies before it hands in the assignment makes the others join again`() {
    var play = GroupTranscript()
    play.join("ann", session: .seconds(6))
    play.join("bob", session: .seconds(30))
    play.pass(.milliseconds(200))
    play.sync("bob")
    _ = play.heard()
    play.pass(.milliseconds(5_999))
    #expect(play.heard() == [])
    play.pass(.milliseconds(1))
    #expect(play.heard() == ["bob: sync rebalanceInProgress"])
    play.join("bob")
    #expect(play.heard() == ["bob: generation 2 range as bob-1, leads bob-1"])
  }

  @Test func `a member that heartbeats but never syncs is removed at the rebalance timeout`() {
    var play = GroupTranscript()
    play.join("ann", rebalance: .seconds(12))
    play.join("bob", rebalance: .seconds(12))
    play.pass(.milliseconds(200))
    play.sync("ann")
    _ = play.heard()
    play.pass(.seconds(6))
    play.heartbeat("ann")
    play.heartbeat("bob")
    play.pass(.milliseconds(5_999))
    #expect(play.heard() == ["ann: ok", "bob: ok"])
    play.pass(.milliseconds(1))
    play.heartbeat("ann")
    play.heartbeat("bob")
    #expect(play.heard() == ["ann: rebalanceInProgress", "bob: unknownMemberID"])
  }

  @Test func `a cooperative member that joins again after giving up partitions starts a second rebalance`() {
    var play = GroupTranscript()
    let cooperative = "cooperative-sticky"
    play.join("ann", [(cooperative, "t owns:")])
    play.pass(.milliseconds(100))
    play.sync("ann", ["ann": "0 1"])
    play.join("bob", [(cooperative, "t owns:")])
    play.join("ann", [(cooperative, "t owns:0 1")])
    _ = play.heard()
    play.sync("ann", ["ann": "0", "bob": ""])
    play.sync("bob")
    #expect(
      play.heard() == ["stored g generation 2 ann-1 bob-1", "ann: assigned '0'", "bob: assigned ''"])
    play.join("ann", [(cooperative, "t owns:0")])
    play.heartbeat("bob")
    #expect(play.heard() == ["bob: rebalanceInProgress"])
    play.join("bob", [(cooperative, "t owns:")])
    play.sync("bob")
    play.sync("ann", ["ann": "0", "bob": "1"])
    #expect(
      play.heard().sorted() == [
        "ann: assigned '0'", "ann: generation 3 \(cooperative) as ann-1, leads ann-1 bob-1", "bob: assigned '1'",
        "bob: generation 3 \(cooperative) as bob-1, follows ann-1", "stored g generation 3 ann-1 bob-1",
      ])
  }

  @Test func `a follower that joins again unchanged gets the current generation, a leader a new one`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob")
    #expect(play.heard() == ["bob: generation 1 range as bob-1, follows ann-1"])
    play.join("ann")
    #expect(play.heard() == [])
    #expect(play.state == .preparingRebalance)
  }

  @Test func `a member that lost the answer to its join gets it again`() {
    var play = GroupTranscript()
    play.join("ann")
    play.join("bob")
    play.pass(.milliseconds(200))
    _ = play.heard()
    play.join("bob")
    play.join("ann")
    #expect(
      play.heard() == [
        "bob: generation 1 range as bob-1, follows ann-1", "ann: generation 1 range as ann-1, leads ann-1 bob-1",
      ])
  }

  @Test func `a member that changes before the assignment is there makes all join again`() {
    var play = GroupTranscript()
    play.join("ann")
    play.join("bob")
    play.pass(.milliseconds(200))
    play.sync("bob")
    _ = play.heard()
    play.join("bob", [("range", "t,u")])
    #expect(play.heard() == ["bob: sync rebalanceInProgress"])
    play.sync("ann", ["ann": "p0"])
    #expect(play.heard() == ["ann: sync rebalanceInProgress"])
    play.join("ann")
    #expect(play.heard().count == 2)
    #expect(play.state == .completingRebalance)
  }

  @Test func `the assignor that most members prefer among those all support is chosen`() {
    var play = GroupTranscript()
    play.join("ann", [("sticky", ""), ("range", ""), ("roundrobin", "")])
    play.join("bob", [("roundrobin", ""), ("range", "")])
    play.join("cy", [("roundrobin", ""), ("range", "")])
    play.pass(.milliseconds(200))
    #expect(
      play.heard().first { $0.hasPrefix("ann") } == "ann: generation 1 roundrobin as ann-1, leads ann-1 bob-1 cy-1")
  }

  @Test(arguments: [
    ("consumer", [("sticky", "")]), ("connect", [("range", "")]), ("consumer", []), ("", [("range", "")]),
  ])
  func `who has no assignor in common with the group is refused`(type: String, protocols: [(String, String)]) {
    var play = GroupTranscript()
    play.settle("ann")
    play.join("bob", type: type, protocols)
    #expect(play.heard() == ["bob: join inconsistentGroupProtocol"])
    #expect(play.state == .stable)
  }
}
