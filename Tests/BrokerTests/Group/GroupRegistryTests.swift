import Testing

@testable import Broker

/// Limits, operators' requests, a log that is full, and restarts of the broker.
@Suite struct GroupRegistryTests {
  // MARK: Limits

  @Test(arguments: [
    (Duration.milliseconds(5_999), "join invalidSessionTimeout"),
    (.milliseconds(1_800_001), "join invalidSessionTimeout"),
    (.seconds(6), "join as ann-1"), (.seconds(1_800), "join as ann-1"),
  ])
  func `session timeouts outside the allowed range are refused`(session: Duration, answer: String) {
    var play = GroupTranscript()
    play.join("ann", session: session, handshake: true)
    #expect(play.heard() == ["ann: \(answer)"])
  }

  @Test func `a group has no more members than allowed, those counted that are about to join`() {
    var limits = GroupLimits()
    limits.maxMembers = 2
    var play = GroupTranscript(limits)
    play.settle("ann")
    play.join("bob", handshake: true)
    play.join("cy")
    #expect(play.heard() == ["bob: join as bob-1", "cy: join groupMaxSizeReached"])
    play.join("bob")
    play.join("cy")
    play.join("ann")
    #expect(play.heard().count == 3)
    #expect(play.registry.describe("g").members.map(\.memberID) == ["ann-1", "bob-1"])
  }

  @Test func `a static member that restarts in a full group is not refused`() {
    var limits = GroupLimits()
    limits.maxMembers = 1
    var play = GroupTranscript(limits)
    play.settle("ann", instances: true)
    play.restart("ann")
    play.join("ann")
    #expect(play.heard().last == "ann: generation 1 range as ann-2, follows ann-1")
  }

  @Test func `a member that says too much is refused`() {
    var limits = GroupLimits()
    limits.maxMemberBytes = 100
    var play = GroupTranscript(limits)
    play.join("ann", [("range", String(repeating: "x", count: 100))])
    #expect(play.heard() == ["ann: join invalidRequest"])
    #expect(play.registry.list().isEmpty)
  }

  @Test func `there are no more groups than allowed, and room again when one is gone`() {
    var limits = GroupLimits()
    limits.maxGroups = 1
    var play = GroupTranscript(limits)
    play.settle("ann")
    play.join("bob", in: "h")
    play.commit("bob", as: MemberClaim(memberID: .none, generation: -1), 1, in: "h")
    #expect(play.heard() == ["bob: join coordinatorNotAvailable", "bob: commit coordinatorNotAvailable"])
    play.leave("ann")
    play.expire()
    _ = play.heard()
    play.join("bob", in: "h")
    play.pass(.milliseconds(100))
    #expect(play.heard() == ["bob: generation 1 range as bob-1, leads bob-1"])
  }

  @Test(arguments: [GroupID(""), GroupID(String(repeating: "g", count: 1_025))])
  func `a group without a name, or with an endless one, is refused`(group: GroupID) {
    var play = GroupTranscript()
    play.join("ann", in: group)
    play.sync("ann", in: group)
    play.heartbeat("ann", in: group)
    play.leave("ann", in: group)
    play.commit("ann", 1, in: group)
    play.delete(group)
    #expect(
      play.heard() == [
        "ann: join invalidGroupID", "ann: sync invalidGroupID", "ann: invalidGroupID", "ann: invalidGroupID",
        "ann: commit invalidGroupID", "delete \(group): invalidGroupID",
      ])
  }

  @Test func `requests to a group nobody knows are refused`() {
    var play = GroupTranscript()
    play.sync("ann", as: MemberClaim(memberID: "ann-1", generation: 1))
    play.heartbeat("ann", as: MemberClaim(memberID: "ann-1", generation: 1))
    play.leave("ann")
    play.disconnect("ann")
    #expect(play.heard() == ["ann: sync unknownMemberID", "ann: unknownMemberID", "ann: unknownMemberID"])
    #expect(play.registry.list().isEmpty)
  }

  // MARK: Operators

  @Test func `a group without members is deleted with its offsets, another is not`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.commit("ann", 1)
    play.delete()
    play.leave("ann")
    play.delete()
    play.delete()
    #expect(
      play.heard() == [
        "stored g t/0 at 1", "ann: commit ok", "delete g: nonEmptyGroup", "stored g generation 2", "ann: ok",
        "stored g t/0 removed", "stored g removed", "deleted g", "delete g: groupIDNotFound",
      ])
    #expect(play.log.isEmpty)
  }

  @Test func `groups are listed by name and by state`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.join("bob", in: "b")
    play.commit("tool", as: MemberClaim(memberID: .none, generation: -1), 1, in: "a")
    #expect(play.registry.list().map(\.id) == ["a", "b", "g"])
    #expect(play.registry.list().map(\.state) == [.empty, .preparingRebalance, .stable])
    #expect(play.registry.list(in: [.stable, .dead]).map(\.id) == ["g"])
    #expect(play.registry.counts == [.empty: 1, .preparingRebalance: 1, .stable: 1])
  }

  @Test func `a stable group is described with everybody's metadata and share`() {
    var play = GroupTranscript()
    play.settle("ann", instances: true)
    let member = GroupDescription.Member(
      memberID: "ann-1", instanceID: "i-ann", clientID: "ann", clientHost: "/127.0.0.1", metadata: Array("t".utf8),
      assignment: Array("ann".utf8))
    #expect(
      play.registry.describe("g")
        == GroupDescription(
          id: "g", state: .stable, protocolType: "consumer", protocolName: "range", members: [member]))
    play.join("bob")
    #expect(play.registry.describe("g").protocolName == "")
    #expect(play.registry.describe("g").members.map(\.assignment) == [[], []])
    #expect(play.registry.describe("nobody").state == .dead)
  }

  // MARK: A full log

  @Test func `a full disk keeps nobody from reading, and members join again after a restart`() throws {
    var play = GroupTranscript()
    play.logHasRoom = false
    play.settle("ann", "bob")
    play.commit("ann", 1)
    play.heartbeat("bob")
    #expect(play.heard() == ["ann: commit coordinatorNotAvailable", "bob: ok"])
    #expect(play.state == .stable)
    play.logHasRoom = true
    try play.restartBroker()
    play.heartbeat("ann")
    #expect(play.heard() == ["ann: unknownMemberID"])
  }

  @Test func `offsets of a group whose deletion cannot be stored come back`() {
    var play = GroupTranscript()
    play.commit("tool", as: MemberClaim(memberID: .none, generation: -1), 4)
    play.logHasRoom = false
    play.delete()
    #expect(play.registry.committed("g", OffsetKey(topic: "t", partition: 0))?.offset == 4)
  }

  // MARK: Restarts of the broker

  @Test func `after a restart of the broker members go on in the same generation`() throws {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    play.commit("ann", 11)
    _ = play.heard()
    let before = play.registry.describe("g")
    play.pass(.seconds(9))
    try play.restartBroker()
    #expect(play.registry.describe("g") == before)
    #expect(play.registry.committed("g", OffsetKey(topic: "t", partition: 0))?.offset == 11)
    play.pass(.milliseconds(9_999))
    play.heartbeat("ann")
    play.sync("bob")
    play.commit("ann", 12)
    play.join("bob")
    #expect(
      play.heard() == [
        "ann: ok", "bob: assigned 'bob'", "stored g t/0 at 12", "ann: commit ok",
        "bob: generation 1 range as bob-1, follows ann-1",
      ])
  }

  @Test func `a member that does not come back after a restart is removed when its new session ends`() throws {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    try play.restartBroker()
    play.pass(.seconds(9))
    play.heartbeat("ann")
    play.pass(.milliseconds(999))
    #expect(play.state == .stable)
    play.pass(.milliseconds(1))
    #expect(play.state == .preparingRebalance)
  }

  @Test func `a static member that restarts after the broker did keeps its share`() throws {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    let old = play.claim("bob")
    try play.restartBroker()
    play.restart("bob")
    play.join("bob")
    play.heartbeat("bob", as: old)
    #expect(
      play.heard() == [
        "stored g generation 1 ann-1 bob-2", "bob: generation 1 range as bob-2, follows ann-1",
        "bob: fencedInstanceID",
      ])
  }

  @Test func `a static member that started anew in a rebalance the broker did not survive is not fenced`() throws {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    play.join("ann", [("range", "t,u")])
    play.restart("bob")
    play.join("bob")
    _ = play.heard()
    try play.restartBroker()
    play.heartbeat("bob")
    play.heartbeat("ann")
    #expect(play.heard() == ["bob: unknownMemberID", "ann: illegalGeneration"])
    play.restart("bob")
    play.join("bob")
    play.heartbeat("bob", as: MemberClaim(memberID: "bob-2", instanceID: "i-bob", generation: 1))
    #expect(
      play.heard().suffix(2) == [
        "bob: generation 1 range as bob-3, follows ann-1", "bob: fencedInstanceID",
      ])
  }

  @Test func `a generation that was not stored is not known after a restart, and its number is used again`() throws {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    play.join("ann")
    _ = play.heard()
    try play.restartBroker()
    play.sync("bob")
    play.join("bob", [("range", "t,u")])
    play.join("ann")
    #expect(
      play.heard().sorted() == [
        "ann: generation 2 range as ann-1, leads ann-1 bob-1", "bob: generation 2 range as bob-1, follows ann-1",
        "bob: sync illegalGeneration",
      ])
  }

  @Test func `an empty group goes on counting its generations after a restart`() throws {
    var play = GroupTranscript()
    play.settle("ann")
    play.leave("ann")
    _ = play.heard()
    try play.restartBroker()
    play.join("ann")
    play.pass(.milliseconds(100))
    #expect(play.heard() == ["ann: generation 3 range as ann-2, leads ann-2"])
  }

  @Test func `offsets of an empty group expire when they would have without a restart`() throws {
    var play = GroupTranscript()
    play.settle("ann")
    play.commit("ann", 3)
    play.pass(.seconds(5))
    play.leave("ann")
    _ = play.heard()
    play.pass(.seconds(7 * 24 * 3_600) - .milliseconds(1))
    try play.restartBroker()
    play.expire()
    #expect(play.heard() == [])
    play.pass(.milliseconds(1))
    play.expire()
    #expect(play.heard() == ["stored g t/0 removed", "stored g removed"])
  }

  @Test func `a group too large for one record is stored without its members, who join again after a restart`() throws {
    var limits = GroupLimits()
    limits.maxSnapshotBytes = 200
    var play = GroupTranscript(limits)
    play.join("ann", [("range", String(repeating: "x", count: 200))])
    play.pass(.milliseconds(100))
    play.sync("ann", ["ann": "p0"])
    #expect(play.heard().suffix(2) == ["stored g generation 1", "ann: assigned 'p0'"])
    play.heartbeat("ann")
    try play.restartBroker()
    play.heartbeat("ann")
    #expect(play.heard() == ["ann: ok", "ann: unknownMemberID"])
    play.restart("ann")
    play.join("ann")
    play.pass(.milliseconds(100))
    #expect(play.heard() == ["ann: generation 2 range as ann-2, leads ann-2"])
  }
}
