import Contract
import EventLoop
import Mesh
import Testing

@testable import Gateway

@Suite struct SocketIOTextTests {
  @Loop private func text(
    _ data: String, at position: Position? = nil, sender: MemberID? = nil, name: String = "message.sent"
  ) throws -> String {
    let channel = try #require(Channel("private-room-1"))
    let content = Delivery.Content.event(name: name, data: Array(data.utf8), sender: sender)
    return String(decoding: SocketIOText.text(Delivery(channel, content, at: position)), as: UTF8.self)
  }

  @Test @Loop func `an event's data stands beside its channel and position`() throws {
    #expect(
      try text(#"{"id":1,"body":"x"}"#, at: Position(epoch: 35, offset: 7))
        == #"42["message.sent",{"channel":"private-room-1","position":"z:7","id":1,"body":"x"}]"#)
    #expect(try text("{}") == #"42["message.sent",{"channel":"private-room-1"}]"#)
    #expect(try text(" { \n} ") == #"42["message.sent",{"channel":"private-room-1"}]"#)
    #expect(try text(#" {"a":1}"#) == #"42["message.sent",{"channel":"private-room-1","a":1}]"#)
  }

  @Test @Loop func `data that is no object stands under its own name`() throws {
    #expect(try text("[1,2]") == #"42["message.sent",{"channel":"private-room-1","data":[1,2]}]"#)
    #expect(try text(#""x""#) == #"42["message.sent",{"channel":"private-room-1","data":"x"}]"#)
  }

  @Test @Loop func `a client cannot say that somebody else has sent its event, or where`() throws {
    let sender = MemberID(at: .now)
    #expect(
      try text(
        #"{"userId":"me","channel":"there","position":"x","text":{"a":[1]}}"#, sender: sender, name: "client-typing")
        == #"42["client-typing",{"channel":"private-room-1","userId":"\#(sender)","text":{"a":[1]}}]"#)
  }

  @Test @Loop func `members and gaps have events of their own`() throws {
    let channel = try #require(Channel("presence-room-1"))
    let member = MemberID(at: .now)
    func text(_ content: Delivery.Content) -> String {
      String(decoding: SocketIOText.text(Delivery(channel, content)), as: UTF8.self)
    }
    #expect(
      text(.memberAdded(member, ChannelGrant.Listing(name: "A \"B\"", avatar: nil)))
        == #"42["presence.joined",{"channel":"presence-room-1","userId":"\#(member)","name":"A \"B\"","avatar":null}]"#)
    #expect(
      text(.memberRemoved(member))
        == #"42["presence.left",{"channel":"presence-room-1","userId":"\#(member)"}]"#)
    #expect(
      text(.missed(Position(epoch: 1, offset: 2)))
        == #"42["skillmesh:missed",{"channel":"presence-room-1","position":"1:2"}]"#)
  }
}
