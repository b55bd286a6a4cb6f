import Contract
import MessagingAPI
import Testing

@Suite struct MessagingTypesTests {
  @Test func `a body has something in it, and at most 64 KB`() throws {
    #expect(try MessageBody(String(repeating: "x", count: 65_536)).text.utf8.count == 65_536)
    for (text, code) in [
      ("", "too_short"), (" \n\u{A0}", "too_short"), (String(repeating: "x", count: 65_537), "too_long"),
      (String(repeating: "\u{E9}", count: 32_769), "too_long"),
    ] {
      let error = #expect(throws: InvalidValue.self) { try MessageBody(text) }
      #expect(error?.code == code)
    }
    #expect("\(try MessageBody("secret"))" == "<message>")
  }

  @Test(arguments: [
    "\u{1F44D}", "\u{2764}\u{FE0F}", "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", "1\u{FE0F}\u{20E3}",
  ])
  func `an emoji is one character`(text: String) {
    #expect(Emoji(text)?.text == text)
  }

  @Test(arguments: ["", "a", "1", "\u{1F44D}\u{1F44D}", "#", "\u{2764}", "\u{E9}"])
  func `what is no emoji is refused`(text: String) {
    #expect(Emoji(text) == nil)
  }

  @Test func `client ids are short and printable`() {
    #expect(ClientMessageID("018f-x")?.text == "018f-x")
    for text in ["", "a b", "\u{E9}", String(repeating: "x", count: 65), "a\n"] {
      #expect(ClientMessageID(text) == nil)
    }
  }

  @Test func `titles are trimmed and stay on one line`() throws {
    #expect(try Title("  Guitar \n").text == "Guitar")
    for text in ["", "  ", "a\nb", String(repeating: "x", count: 101)] {
      #expect(throws: InvalidValue.self) { try Title(text) }
    }
  }

  @Test func `pages and places have limits`() {
    #expect(MessageSeq(0)?.number == 0 && MessageSeq(-1) == nil)
  }
}
