import Testing

@testable import Gateway

/// What is next in a channel's history, and what is missing.
@Suite struct ChannelHeadTests {
  private func at(_ offset: UInt64, epoch: UInt64 = 7) -> Position { Position(epoch: epoch, offset: offset) }

  /// A head that has been read to be at `position`.
  private func head(at position: Position) -> ChannelHead {
    var head = ChannelHead()
    #expect(head.catchUp(to: position, first: nil) == false)
    return head
  }

  @Test func `events in turn are next, those heard again are known`() {
    var head = head(at: at(3))
    #expect(head.hear(at(4)) == .next)
    #expect(head.hear(at(4)) == .known)
    #expect(head.hear(at(2)) == .known)
    #expect(head.hear(at(5)) == .next)
    #expect(head.position == at(5))
    #expect(!head.isBehind)
  }

  @Test func `what is heard before the history was read has to be read`() {
    var head = ChannelHead()
    #expect(head.hear(at(4)) == .beyond)
    #expect(head.catchUp(to: at(4), first: nil) == false)
    #expect(head.position == at(4))
    #expect(!head.isBehind)
  }

  @Test func `what is heard while the history is read, and lies behind it, is read next`() {
    var head = head(at: at(3))
    #expect(head.hear(at(5)) == .beyond)
    #expect(head.hear(at(6)) == .beyond)
    #expect(head.catchUp(to: at(5), first: 4) == false)
    #expect(head.isBehind)
    #expect(head.catchUp(to: at(6), first: 6) == false)
    #expect(!head.isBehind)
    #expect(head.hear(at(7)) == .next)
  }

  @Test func `a history that begins too late has a gap, an empty one too`() {
    var first = head(at: at(3))
    first.doubt()
    #expect(first.catchUp(to: at(200), first: 101) == true)
    var second = head(at: at(3))
    second.doubt()
    #expect(second.catchUp(to: at(5), first: nil) == true)
    var third = head(at: at(3))
    third.doubt()
    #expect(third.catchUp(to: at(3), first: nil) == false)
  }

  @Test func `a new epoch from its first event on follows what was before`() {
    var head = head(at: at(3))
    #expect(head.hear(at(1, epoch: 8)) == .next)
    #expect(head.hear(at(2, epoch: 8)) == .next)
    #expect(head.position == at(2, epoch: 8))
  }

  @Test func `a new epoch has a gap when its first event was not heard, or the connection was doubted`() {
    var first = head(at: at(3))
    #expect(first.hear(at(2, epoch: 8)) == .beyond)
    #expect(first.catchUp(to: at(2, epoch: 8), first: 1) == true)
    var second = head(at: at(3))
    second.doubt()
    #expect(second.hear(at(1, epoch: 8)) == .beyond)
    #expect(second.catchUp(to: at(1, epoch: 8), first: 1) == true)
    #expect(second.position == at(1, epoch: 8))
  }

  @Test func `before anything was kept no event can have been missed but the first ones`() {
    let nothing = at(0, epoch: 0)
    #expect(!ChannelHead.isGap(from: nothing, to: at(2), first: 1))
    #expect(ChannelHead.isGap(from: nothing, to: at(101), first: 2))
    #expect(!ChannelHead.isGap(from: nothing, to: nothing, first: nil))
    #expect(ChannelHead.isGap(from: at(2), to: nothing, first: nil))
  }

  @Test func `a place reads back as it was written, and anything else is none`() {
    #expect(Position("1z:7") == Position(epoch: 71, offset: 7))
    #expect(Position("\(Position(epoch: .max, offset: .max))") == Position(epoch: .max, offset: .max))
    for wrong in ["", ":", "1:", ":1", "1:2:3", "1:-2", "-1:2", "1:a", "ä:1", "zzzzzzzzzzzzzzz:1", "1 :2"] {
      #expect(Position(wrong) == nil, "\(wrong)")
    }
  }

  @Test func `a socket's name reads back as it was written, and anything else is none`() {
    #expect(SocketID("12.34") == SocketID(gateway: 12, number: 34))
    for wrong in ["", ".", "1.", ".1", "1.2.3", "+1.2", "1.-2", "a.b", "99999999999999999999999.1"] {
      #expect(SocketID(wrong) == nil, "\(wrong)")
    }
  }
}
