import Testing

@testable import Broker

/// Who may commit offsets, and how long they are kept.
@Suite struct GroupOffsetsTests {
  let simple = MemberClaim(memberID: .none, generation: -1)

  @Test func `a commit is stored before it is answered, and can be read`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.commit("ann", 42, note: "half way")
    #expect(play.heard() == ["stored g t/0 at 42", "ann: commit ok"])
    #expect(
      play.registry.committed("g", OffsetKey(topic: "t", partition: 0))
        == CommittedOffset(
          offset: 42, leaderEpoch: 3, metadata: "half way", committedAt: play.moment.unixMilliseconds))
    #expect(play.registry.committed("g", OffsetKey(topic: "t", partition: 1)) == nil)
    #expect(play.registry.committed("other", OffsetKey(topic: "t", partition: 0)) == nil)
  }

  @Test func `only members of the current generation commit`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.commit("ann", as: MemberClaim(memberID: "ann-1", generation: 0), 1)
    play.commit("ann", as: MemberClaim(memberID: "ann-1", generation: 2), 1)
    play.commit("ann", as: MemberClaim(memberID: "ann-1", generation: -1), 1)
    play.commit("bob", as: MemberClaim(memberID: "bob-1", generation: 1), 1)
    play.commit("bob", as: simple, 1)
    play.commit("cy", as: MemberClaim(memberID: "cy-1", generation: 1), 1, in: "gone")
    #expect(
      play.heard() == [
        "ann: commit illegalGeneration", "ann: commit illegalGeneration", "ann: commit illegalGeneration",
        "bob: commit unknownMemberID", "bob: commit unknownMemberID", "cy: commit illegalGeneration",
      ])
    #expect(play.registry.allCommitted("g").isEmpty)
  }

  @Test func `members commit while a rebalance is prepared, but not before the new assignment`() {
    var play = GroupTranscript()
    play.settle("ann", "bob")
    play.join("bob", [("range", "t,u")])
    play.commit("ann", 7)
    #expect(play.heard() == ["stored g t/0 at 7", "ann: commit ok"])
    play.join("ann")
    _ = play.heard()
    play.commit("ann", 8)
    #expect(play.heard() == ["ann: commit rebalanceInProgress"])
    #expect(play.registry.committed("g", OffsetKey(topic: "t", partition: 0))?.offset == 7)
  }

  @Test func `a commit keeps the session of its member`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.pass(.seconds(9))
    play.commit("ann", 1)
    play.pass(.seconds(9))
    #expect(play.state == .stable)
  }

  @Test func `a simple consumer commits without joining`() {
    var play = GroupTranscript()
    play.commit("tool", as: simple, 9)
    #expect(play.heard() == ["stored g t/0 at 9", "tool: commit ok"])
    #expect(
      play.registry.describe("g")
        == GroupDescription(
          id: "g", state: .empty, protocolType: "", protocolName: "", members: []))
  }

  @Test func `a note that is too long is refused alone`() {
    var play = GroupTranscript()
    var actions: [GroupAction] = []
    var registry = GroupRegistry()
    let commits = [(0, 4_096), (1, 4_097), (2, 0)].map { partition, length in
      OffsetCommit(
        topic: "t", partition: Int32(partition), offset: 1, leaderEpoch: -1,
        metadata: String(repeating: "x", count: length))
    }
    registry.commit("g", simple, commits, reply: ReplyToken(rawValue: 1), at: play.moment, into: &actions)
    guard case .answerCommit(_, let results) = actions.last else {
      Issue.record("no answer")
      return
    }
    #expect(results == [nil, .offsetMetadataTooLarge, nil])
    #expect(registry.allCommitted("g").map(\.key.partition) == [0, 2])
    play.commit("tool", as: simple, 1, note: String(repeating: "x", count: 4_097))
    #expect(play.heard() == ["tool: commit offsetMetadataTooLarge"])
    #expect(play.registry.list().isEmpty)
  }

  @Test func `the offsets of a simple consumer expire a retention after the last commit to each partition`() {
    var play = GroupTranscript()
    play.commit("tool", as: simple, 1, partition: 0)
    play.pass(.seconds(3_600))
    play.commit("tool", as: simple, 1, partition: 1)
    play.pass(.seconds(7 * 24 * 3_600 - 3_600) - .milliseconds(1))
    _ = play.heard()
    play.expire()
    #expect(play.heard() == [])
    play.pass(.milliseconds(1))
    play.expire()
    #expect(play.heard() == ["stored g t/0 removed"])
    play.pass(.seconds(3_600))
    play.expire()
    #expect(play.heard() == ["stored g t/1 removed"])
    #expect(play.registry.list().isEmpty)
    #expect(play.log.isEmpty)
  }

  @Test func `offsets of a group are kept while it has members, and a retention longer`() {
    var play = GroupTranscript()
    play.join("ann", session: .seconds(1_800), rebalance: .seconds(1_800))
    play.pass(.milliseconds(100))
    play.sync("ann")
    play.commit("ann", 5)
    for _ in 0..<(8 * 24 * 2) {
      play.pass(.seconds(1_799))
      play.heartbeat("ann")
    }
    _ = play.heard()
    play.expire()
    #expect(play.heard() == [])
    play.leave("ann")
    play.pass(.seconds(7 * 24 * 3_600) - .milliseconds(1))
    play.expire()
    #expect(play.heard() == ["stored g generation 2", "ann: ok"])
    play.pass(.milliseconds(1))
    play.expire()
    #expect(play.heard() == ["stored g t/0 removed", "stored g removed"])
    #expect(play.log.isEmpty)
  }

  @Test func `an empty group without offsets is removed, with what is stored of it`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.expire()
    play.leave("ann")
    play.expire()
    #expect(play.heard() == ["stored g generation 2", "ann: ok", "stored g removed"])
    #expect(play.registry.list().isEmpty)
  }

  @Test func `when a topic is deleted, so are all offsets in it`() {
    var play = GroupTranscript()
    play.commit("tool", as: simple, 1, to: "t", partition: 0)
    play.commit("tool", as: simple, 1, to: "t", partition: 1)
    play.commit("tool", as: simple, 1, to: "u")
    _ = play.heard()
    play.deleteTopic("t")
    #expect(play.heard() == ["stored g t/0 removed", "stored g t/1 removed"])
    #expect(play.registry.allCommitted("g").map(\.key.topic) == ["u"])
  }

  @Test func `a commit that cannot be stored is refused and leaves the offset as it was`() {
    var play = GroupTranscript()
    play.settle("ann")
    play.commit("ann", 5)
    play.logHasRoom = false
    play.commit("ann", 6)
    play.commit("ann", 6, partition: 1)
    play.logHasRoom = true
    play.commit("ann", 7, partition: 2)
    #expect(
      play.heard() == [
        "stored g t/0 at 5", "ann: commit ok", "ann: commit coordinatorNotAvailable",
        "ann: commit coordinatorNotAvailable", "stored g t/2 at 7", "ann: commit ok",
      ])
    #expect(play.registry.allCommitted("g").map(\.value.offset) == [5, 7])
  }
}
