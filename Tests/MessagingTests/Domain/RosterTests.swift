import Contract
import MessagingAPI
import Testing

@testable import Messaging

@Suite struct RosterTests {
  let now = Timestamp("2026-03-01T12:00:00Z")!
  let ada = MemberID(at: Timestamp(microseconds: 0))
  let ben = MemberID(at: Timestamp(microseconds: 0))
  let eve = MemberID(at: Timestamp(microseconds: 0))

  private func group() -> Roster { Roster(.group, opener: ada, others: [ben, eve], now: now) }

  @Test func `who opens a group owns it`() {
    #expect(group().participants.map(\.role) == [.owner, .member, .member])
    #expect(Roster(.direct, opener: ada, others: [ben], now: now).participants.map(\.role) == [.member, .member])
  }

  @Test func `those who run a group bring members in, who see what follows`() throws {
    var roster = group()
    let dan = MemberID(at: now)
    #expect(throws: ConversationRefusal.notAllowed) { try roster.add([dan], by: ben, after: 7, now: now) }
    #expect(throws: ConversationRefusal.notFound) { try roster.add([dan], by: dan, after: 7, now: now) }
    let new = try roster.add([dan, ben, dan], by: ada, after: 7, now: now)
    #expect(new.map(\.member) == [dan])
    #expect(new.map(\.joinedSeq) == [7] && new[0].unread(of: 7) == 0 && new[0].unread(of: 9) == 2)
    #expect(throws: ConversationRefusal.full) {
      try roster.add((0..<97).map { _ in MemberID(at: now) }, by: ada, after: 7, now: now)
    }
  }

  @Test func `nobody joins or leaves a direct conversation`() {
    var roster = Roster(.direct, opener: ada, others: [ben], now: now)
    #expect(throws: ConversationRefusal.direct) { try roster.add([eve], by: ada, after: 0, now: now) }
    #expect(throws: ConversationRefusal.direct) { try roster.remove(ada, by: ada) }
    #expect(throws: ConversationRefusal.direct) { try roster.appoint(ben, .owner, by: ada) }
    #expect(throws: ConversationRefusal.notFound) { try roster.remove(ada, by: eve) }
  }

  @Test func `everybody may leave, and be removed by those above them`() throws {
    var roster = group()
    _ = try roster.appoint(ben, .admin, by: ada)
    #expect(throws: ConversationRefusal.notAllowed) { try roster.remove(ben, by: eve) }
    #expect(throws: ConversationRefusal.notAllowed) { try roster.remove(ada, by: ben) }
    #expect(try roster.remove(eve, by: ben) == nil)
    #expect(throws: ConversationRefusal.notFound) { try roster.remove(eve, by: ben) }
    #expect(try roster.remove(ada, by: ada) == ben)
    #expect(roster.participants.map(\.role) == [.owner])
    #expect(try roster.remove(ben, by: ben) == nil)
    #expect(roster.participants.isEmpty)
  }

  @Test func `an owner who leaves is followed by an admin, else by whoever came first`() throws {
    var roster = group()
    #expect(try roster.remove(ada, by: ada) == ben)
    roster = group()
    _ = try roster.appoint(eve, .admin, by: ada)
    #expect(try roster.remove(ada, by: ada) == eve)
  }

  @Test func `a group has one owner`() throws {
    var roster = group()
    #expect(throws: ConversationRefusal.notAllowed) { try roster.appoint(eve, .admin, by: ben) }
    #expect(throws: ConversationRefusal.notAllowed) { try roster.appoint(ada, .member, by: ada) }
    #expect(try roster.appoint(ben, .owner, by: ada) == [ben, ada])
    #expect(roster.participants.map(\.role) == [.admin, .owner, .member])
    #expect(try roster.appoint(ben, .owner, by: ben) == [])
  }

  @Test func `watermarks never go back, nor beyond the newest message`() {
    var one = Participation(joining: ada, as: .member, after: 3, now: now)
    func note(_ delivered: Int64?, _ read: Int64?) -> [Int64] {
      let hasMoved = one.note(delivered: delivered, read: read, of: 10)
      return [hasMoved ? 1 : 0, one.deliveredSeq, one.readSeq, one.unread(of: 10)]
    }
    #expect(note(2, 1) == [0, 3, 3, 7])
    #expect(note(5, nil) == [1, 5, 3, 7])
    #expect(note(nil, 8) == [1, 8, 8, 2])
    #expect(note(99, 99) == [1, 10, 10, 0])
    #expect(note(0, 0) == [0, 10, 10, 0])
  }
}
