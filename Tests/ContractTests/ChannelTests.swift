import Contract
import Testing

@Suite struct ChannelTests {
  @Test(arguments: ["presence-user-1", "a", "A_z=@,.;-9", String(repeating: "x", count: 164)])
  func `names of the Pusher protocol are channels`(name: String) { #expect(Channel(name)?.description == name) }

  @Test(arguments: ["", "with space", "a/b", "ü", "a\u{0}", "#x", String(repeating: "x", count: 165)])
  func `other names are not`(name: String) { #expect(Channel(name) == nil) }

  @Test func `a name's beginning says who may subscribe`() {
    #expect(Channel("news")?.kind == .open)
    #expect(Channel("private-user-1")?.kind == .restricted)
    #expect(Channel("presence-user-1")?.kind == .presence)
  }

  @Test func `a pattern finds its value in the names of its family alone`() throws {
    let pattern: ChannelPattern = "presence-board-{board}"
    let id = MemberID(at: Timestamp(microseconds: 0))
    #expect(pattern.value(in: pattern.channel(id)) == id.description)
    #expect(pattern.value(in: try #require(Channel("presence-board-"))) == nil)
    #expect(pattern.value(in: try #require(Channel("presence-user-1"))) == nil)
    #expect(pattern.description == "presence-board-{board}")
  }

  @Test(arguments: ["presence-board", "{board}", "a-{b}-c", "a-{}", "a-{b}{c}", "a b-{c}"])
  func `a pattern has one value, at its end`(text: String) { #expect(ChannelPattern(text) == nil) }
}
