import Contract
import MessagingAPI
import Testing

@testable import Messaging

@Suite struct EntryTests {
  let now = Timestamp("2026-03-01T12:00:00Z")!
  let ada = MemberID(at: Timestamp(microseconds: 0))
  let ben = MemberID(at: Timestamp(microseconds: 0))

  private func entry(notice: Notice? = nil) -> Entry {
    Entry(
      id: MessageID(at: now), conversation: ConversationID(at: now), seq: 1, sender: ada, clientID: nil,
      notice: notice, mentions: [ada], sentAt: now)
  }

  @Test func `an edit makes a version, and tells who is mentioned anew`() throws {
    var one = entry()
    try one.mayEdit(ada, edits: 0)
    let added = one.edit(mentions: [ada, ben], now: now + .seconds(1))
    #expect(added == [ben])
    #expect((one.version, one.mentions, one.editedAt) == (2, [ada, ben], now + .seconds(1)))
    _ = one.edit(mentions: nil, now: now)
    #expect(one.mentions == [ada, ben])
    #expect(throws: MessageRefusal.notAllowed) { try one.mayEdit(ben, edits: 0) }
    #expect(throws: MessageRefusal.tooManyEdits) { try one.mayEdit(ada, edits: Entry.editLimit) }
    #expect(throws: MessageRefusal.notAllowed) { try entry(notice: Notice(.joined)).mayEdit(ada, edits: 0) }
  }

  @Test func `a message that is taken back says nothing, and stays so`() throws {
    var one = entry()
    #expect(throws: MessageRefusal.notAllowed) { try one.delete(by: ben, isManager: false, now: now) }
    let first = try one.delete(by: ada, isManager: false, now: now)
    let second = try one.delete(by: ada, isManager: false, now: now)
    #expect((first, second) == (true, false))
    #expect((one.version, one.mentions, one.deletedAt) == (2, [], now))
    #expect(one.message(body: "kept by mistake").body == nil)
    #expect(throws: MessageRefusal.deleted) { try one.mayEdit(ada, edits: 0) }
    #expect(throws: MessageRefusal.deleted) { try one.react() }
    var other = entry()
    #expect(try other.delete(by: ben, isManager: true, now: now))
  }

  @Test func `typing is announced at first, again after a while, and ends by itself`() {
    var board = TypingBoard()
    let writer = TypingBoard.Writer(conversation: ConversationID(at: now), member: ada)
    let announced = [0, 2, 3].map { board.note(writer, now: now + .seconds($0)) }
    #expect(announced == [true, false, true])
    let ended = [7, 8].map { board.expire(now: now + .seconds($0)) }
    #expect(ended == [[], [writer]])
    let hadEnded = board.stop(writer)
    let again = board.note(writer, now: now + .seconds(9))
    let stopped = board.stop(writer)
    #expect((hadEnded, again, stopped) == (false, true, true))
  }

  @Test func `the board of who is writing does not grow without end`() {
    var board = TypingBoard()
    let conversation = ConversationID(at: now)
    let announced = (0...TypingBoard.limit).filter { _ in
      board.note(.init(conversation: conversation, member: MemberID(at: now)), now: now)
    }
    #expect(announced.count == TypingBoard.limit)
  }

  @Test func `a cursor comes back as it was handed out, and others are refused`() throws {
    let cursor = PageCursor(isPinned: true, time: now, id: UniqueID(at: now))
    #expect(try PageCursor(cursor.text) == cursor)
    for text in ["", "p", "x_1_\(cursor.id)", "p_x_\(cursor.id)", "p_1_x", "p_1_\(cursor.id)_"] {
      #expect(throws: Problem.self) { try PageCursor(text) }
    }
  }
}
