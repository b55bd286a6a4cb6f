import Testing

@testable import Broker

/// Ids given before the join, broken connections, and requests sent twice.
@Suite struct GroupConnectionTests {
  @Test func `a member without an id is given one and joins with it`() {
    var play = GroupTranscript()
    play.join("ann", handshake: true)
    #expect(play.heard() == ["ann: join as ann-1"])
    #expect(play.state == .empty)
    play.join("ann", handshake: true)
    play.pass(.milliseconds(100))
    #expect(play.heard() == ["ann: generation 1 range as ann-1, leads ann-1"])
  }

  @Test func `an id nobody joins with expires with the session timeout, and the group with it`() {
    var play = GroupTranscript()
    play.join("ann", session: .seconds(6), handshake: true)
    play.pass(.milliseconds(5_999))
    #expect(play.registry.list().map(\.id) == ["g"])
    play.pass(.milliseconds(1))
    #expect(play.registry.list().isEmpty)
    play.join("ann", handshake: true)
    #expect(play.heard() == ["ann: join as ann-1", "ann: join unknownMemberID"])
  }

  @Test func `a rebalance waits for those who were given an id`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.join("bob", handshake: true)
    play.join("ann")
    #expect(play.heard() == ["bob: join as bob-1"])
    play.join("bob", handshake: true)
    #expect(
      play.heard().sorted() == [
        "ann: generation 2 range as ann-1, leads ann-1 bob-1", "bob: generation 2 range as bob-1, follows ann-1",
      ])
  }

  @Test func `a rebalance goes on without one whose id has expired or who left before joining`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.join("bob", session: .seconds(6), handshake: true)
    play.join("cy", session: .seconds(20), handshake: true)
    play.join("ann")
    play.pass(.seconds(6))
    #expect(play.heard() == ["bob: join as bob-1", "cy: join as cy-1"])
    play.leave("cy")
    #expect(play.heard() == ["ann: generation 2 range as ann-1, leads ann-1", "cy: ok"])
  }

  @Test func `an id that was never given out is refused`() {
    var play = GroupTranscript()
    play.join("ann", as: "made-up")
    #expect(play.heard() == ["ann: join unknownMemberID"])
    #expect(play.registry.list().isEmpty)
    play.settle("bob")
    play.join("ann", as: "made-up")
    play.sync("ann", as: MemberClaim(memberID: "made-up", generation: 1))
    play.heartbeat("ann", as: MemberClaim(memberID: "made-up", generation: 1))
    #expect(play.heard() == ["ann: join unknownMemberID", "ann: sync unknownMemberID", "ann: unknownMemberID"])
  }

  @Test func `a member that was never told its id is removed when its connection closes`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.join("bob")
    play.disconnect("bob")
    play.join("ann")
    #expect(play.heard() == ["ann: generation 2 range as ann-1, leads ann-1"])
  }

  @Test func `a member whose connection closes while it waits has its session to come back`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    play.disconnect("bob")
    play.join("ann")
    play.pass(.milliseconds(9_999))
    #expect(play.heard() == [])
    play.join("bob", [("range", "t,u")])
    #expect(
      play.heard().sorted() == [
        "ann: generation 2 range as ann-1, leads ann-1 bob-1", "bob: generation 2 range as bob-1, follows ann-1",
      ])
  }

  @Test func `a member whose connection closes while it waits, and that stays away, is removed`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    play.disconnect("bob")
    play.join("ann")
    play.pass(.seconds(10))
    #expect(play.heard() == ["ann: generation 2 range as ann-1, leads ann-1"])
  }

  @Test func `a sync whose connection closes is not answered and can be repeated`() {
    var play = GroupTranscript()
    play.join("ann")
    play.join("bob")
    play.pass(.milliseconds(200))
    _ = play.heard()
    play.sync("bob")
    play.disconnect("bob")
    play.sync("ann", ["bob": "p1"])
    #expect(play.heard() == ["stored g generation 1 ann-1 bob-1", "ann: assigned ''"])
    play.sync("bob")
    #expect(play.heard() == ["bob: assigned 'p1'"])
  }

  @Test func `a connection that closes after the answer changes nothing`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.disconnect("ann")
    play.heartbeat("ann")
    #expect(play.heard() == ["ann: ok"])
  }

  @Test func `of two joins of one member the newer waits and the older is answered`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    play.join("bob", [("range", "t,u")])
    #expect(play.heard() == ["bob: join rebalanceInProgress"])
    play.join("ann")
    #expect(play.heard().count == 2)
  }

  @Test func `of two syncs of one member the newer waits and the older is answered`() {
    var play = GroupTranscript()
    play.join("ann")
    play.join("bob")
    play.pass(.milliseconds(200))
    _ = play.heard()
    play.sync("bob")
    play.sync("bob")
    #expect(play.heard() == ["bob: sync rebalanceInProgress"])
    play.sync("ann", ["bob": "p1"])
    #expect(play.heard().last { $0.hasPrefix("bob") } == "bob: assigned 'p1'")
  }

  @Test func `a member that leaves has what waits for it answered first`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    play.leave("bob")
    #expect(play.heard() == ["bob: join unknownMemberID", "bob: ok"])
  }
}
