import Contract
import Telemetry
import Testing

@testable import Gateway

/// What those who see a list of members are told of it.
@Suite struct RosterTests {
  private let ada = MemberID(at: Timestamp(microseconds: 1_000_000))
  private let bob = MemberID(at: Timestamp(microseconds: 2_000_000))
  private let anonymous = ChannelGrant.Listing(name: "A", avatar: nil)
  private let named = ChannelGrant.Listing(name: "B", avatar: "/b.png")

  @Test func `changes in turn are told, those heard again are not`() {
    var roster = Roster()
    #expect(roster.replace([:], version: 4) == [])
    #expect(roster.take(.added(ada, anonymous), version: 5) == [.added(ada, anonymous)])
    #expect(roster.take(.added(ada, anonymous), version: 5) == [])
    #expect(roster.take(.added(ada, anonymous), version: 6) == [])
    #expect(roster.take(.added(ada, named), version: 7) == [.removed(ada), .added(ada, named)])
    #expect(roster.take(.removed(bob), version: 8) == [])
    #expect(roster.take(.removed(ada), version: 9) == [.removed(ada)])
  }

  @Test func `after a gap the list is read, and what differs is told`() {
    var roster = Roster()
    #expect(roster.take(.added(ada, anonymous), version: 1) == nil)
    #expect(roster.replace([ada: anonymous], version: 1) == [.added(ada, anonymous)])
    #expect(roster.take(.added(bob, named), version: 3) == nil)
    #expect(roster.replace([bob: named], version: 3) == [.removed(ada), .added(bob, named)])
    #expect(roster.replace([bob: named], version: 3) == [])
  }

  @Test func `hidden members are in the list and not shown`() {
    var roster = Roster()
    _ = roster.replace([ada: anonymous, bob: named], version: 1)
    #expect(roster.shown(without: []).map(\.member) == [ada, bob])
    #expect(roster.shown(without: [ada]).map(\.member) == [bob])
    #expect(roster.listing(of: ada) == anonymous)
  }

  @Test func `messages between gateways read back as they were written`() throws {
    let sender = ChannelMessage.Sender(socket: SocketID(gateway: 1, number: 2), member: ada)
    let messages: [ChannelMessage] = [
      .event(.init(name: "a", data: Array(#"{"b":1}"#.utf8), view: nil, sender: nil)),
      .event(.init(name: "a", data: [], view: "", sender: nil)),
      .event(.init(name: "ä", data: Array("null".utf8), view: "v", sender: sender)),
      .memberAdded(ada, named), .memberAdded(bob, anonymous), .memberRemoved(bob),
    ]
    for message in messages {
      #expect(ChannelMessage(message.bytes) == message)
      for count in 0..<4 { #expect(ChannelMessage(Array(message.bytes.prefix(count))) == nil) }
    }
    #expect(ChannelMessage([9, 0, 0]) == nil)
  }

  @Test func `an event carries its trace to the other gateways if somebody has asked for that`() throws {
    let trace = TraceContext.root(isSampled: true)
    func arrived(_ trace: TraceContext) throws -> ChannelMessage.Event {
      let event = ChannelMessage.Event(name: "said", data: [1, 2], view: "v", trace: trace)
      guard case .event(let read)? = ChannelMessage(ChannelMessage.event(event).bytes) else {
        throw RedisReply(description: "no event")
      }
      #expect((read.name, read.data, read.view) == ("said", [1, 2], "v"))
      return read
    }
    #expect(try arrived(trace).trace?.traceparent == trace.traceparent)
    #expect(try arrived(trace.unsampled).trace == nil)
  }
}
