import Testing

@testable import Broker

/// Members with an instance id (KIP-345).
@Suite struct StaticMemberTests {
  @Test func `a static member that restarts in a stable group keeps its share, and nobody else notices`() {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    play.restart("bob")
    play.join("bob")
    #expect(
      play.heard() == ["stored g generation 1 ann-1 bob-2", "bob: generation 1 range as bob-2, follows ann-1"])
    play.sync("bob")
    play.heartbeat("ann")
    #expect(play.heard() == ["bob: assigned 'bob'", "ann: ok"])
  }

  @Test func `a leader that restarts is told that its old self leads, and leads from the next generation on`() {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    play.restart("ann")
    play.join("ann")
    #expect(
      play.heard() == ["stored g generation 1 ann-2 bob-1", "ann: generation 1 range as ann-2, follows ann-1"])
    play.sync("ann")
    play.join("cy")
    play.join("bob")
    play.join("ann")
    #expect(play.heard().contains("ann: generation 2 range as ann-2, leads ann-2 bob-1 cy-1"))
  }

  @Test func `the old self of a static member is fenced everywhere`() {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    let old = play.claim("bob")
    play.restart("bob")
    play.join("bob")
    _ = play.heard()
    play.heartbeat("bob", as: old)
    play.sync("bob", as: old)
    play.commit("bob", as: old, 5)
    play.join("bob", as: old.memberID)
    #expect(
      play.heard() == [
        "bob: fencedInstanceID", "bob: sync fencedInstanceID", "bob: commit fencedInstanceID",
        "bob: join fencedInstanceID",
      ])
  }

  @Test func `requests of the old self that wait are fenced`() {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    play.join("bob", [("range", "t,u")])
    play.restart("bob")
    play.join("bob")
    #expect(play.heard() == ["bob: join fencedInstanceID"])
    play.join("ann")
    play.sync("bob")
    #expect(
      play.heard().sorted() == [
        "ann: generation 2 range as ann-1, leads ann-1 bob-2", "bob: generation 2 range as bob-2, follows ann-1",
      ])
    play.restart("bob")
    play.join("bob")
    #expect(play.heard() == ["bob: sync fencedInstanceID"])
    #expect(play.state == .preparingRebalance)
  }

  @Test func `an instance id nobody has is unknown`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.heartbeat("ann", as: MemberClaim(memberID: "ann-1", instanceID: "i-x", generation: 1))
    #expect(play.heard() == ["ann: unknownMemberID"])
  }

  @Test func `a static member that restarts with other assignors makes all join again if the choice changes`() {
    var play = GroupTranscript()
    let both = [("range", ""), ("sticky", "")]
    play.join("ann", instance: "i-ann", both)
    play.pass(.milliseconds(100))
    play.sync("ann", ["ann": "p0"])
    play.restart("ann")
    _ = play.heard()
    play.join("ann", both.reversed())
    #expect(play.heard() == ["ann: generation 2 sticky as ann-2, leads ann-2"])
  }

  @Test func `an absent static member stays past the rebalance timeout, until its session ends`() {
    var play = GroupTranscript()
    for name in ["ann", "bob"] {
      play.join(name, instance: InstanceID("i-\(name)"), session: .seconds(30), rebalance: .seconds(10))
    }
    play.pass(.milliseconds(200))
    play.sync("bob")
    play.sync("ann", ["ann": "p0", "bob": "p1"])
    _ = play.heard()
    play.join("ann", session: .seconds(30), rebalance: .seconds(10), [("range", "t,u")])
    play.pass(.seconds(10))
    #expect(play.heard() == ["ann: generation 2 range as ann-1, leads ann-1 bob-1"])
    play.sync("ann", ["ann": "p0", "bob": "p1"])
    play.pass(.milliseconds(19_999))
    play.heartbeat("ann")
    #expect(play.heard() == ["stored g generation 2 ann-1 bob-1", "ann: assigned 'p0'", "ann: ok"])
    play.pass(.milliseconds(1))
    play.heartbeat("ann")
    #expect(play.heard() == ["ann: rebalanceInProgress"])
    #expect(play.registry.describe("g").members.map(\.memberID) == ["ann-1"])
  }

  @Test func `absent static members alone keep the group waiting, and the first to come back leads`() {
    var play = GroupTranscript()
    for name in ["ann", "bob"] {
      play.join(name, instance: InstanceID("i-\(name)"), session: .seconds(100), rebalance: .seconds(10))
    }
    play.join("cy", session: .seconds(100), rebalance: .seconds(10))
    play.pass(.milliseconds(200))
    play.sync("ann")
    play.sync("bob")
    play.sync("cy")
    play.leave("cy")
    _ = play.heard()
    play.pass(.seconds(15))
    #expect(play.state == .preparingRebalance)
    #expect(play.registry.describe("g").members.map(\.memberID) == ["ann-1", "bob-1"])
    play.join("bob", session: .seconds(100), rebalance: .seconds(10))
    play.pass(.seconds(5))
    #expect(play.heard() == ["bob: generation 2 range as bob-1, leads ann-1 bob-1"])
  }

  @Test func `a static member that leaves is gone at once`() {
    var play = GroupTranscript()
    play.settle("ann", "bob", instances: true)
    play.leave("bob")
    play.join("ann")
    #expect(play.heard() == ["bob: ok", "ann: generation 2 range as ann-1, leads ann-1"])
  }
}
