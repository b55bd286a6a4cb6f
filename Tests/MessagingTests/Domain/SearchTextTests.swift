import Contract
import MessagingAPI
import Testing

@testable import Messaging

@Suite struct SearchTextTests {
  private func stems(_ text: String) -> [String] { SearchText.words(in: text).map(\.stem) }

  @Test func `case, accents, width and endings make no difference`() {
    #expect(stems("Running R\u{C9}SUM\u{C9}s") == stems("runs resume"))
    #expect(stems("re\u{301}sume\u{301}") == stems("resume"))
    #expect(stems("\u{FF28}ello") == ["hello"])
  }

  @Test(arguments: [
    ("one,two;three\nfour", ["on", "two", "three", "four"]), ("don't", ["dont"]), ("Ada's", ["ada"]),
    ("Ada\u{2019}s plan", ["ada", "plan"]), ("'quoted'", ["quot"]), ("C3PO 42", ["c3po", "42"]), ("...", []),
    ("\u{6F22}\u{5B57} ok", ["\u{6F22}", "\u{5B57}", "ok"]), ("\u{1F600}hi\u{1F600}", ["hi"]), ("", []),
  ])
  func `text falls into words`(text: String, expected: [String]) {
    #expect(stems(text) == expected)
  }

  @Test func `a word is known by where it stands`() {
    let text = "It was Ada's idea"
    #expect(SearchText.words(in: text).map { String(text[$0.range]) } == ["It", "was", "Ada's", "idea"])
  }

  @Test func `the words of a message and of a query are limited`() {
    let many = (0..<2000).map { "word\($0)" }.joined(separator: " ")
    #expect(SearchText.indexedStems(of: many).count == SearchText.wordLimit)
    #expect(SearchText.queryStems(of: many).count == SearchText.queryLimit)
    #expect(SearchText.queryStems(of: "run runs running") == ["run"])
    #expect(stems(String(repeating: "x", count: 5000)).map(\.count) == [64])
  }

  @Test func `a block knows its messages by their bits`() {
    #expect(SearchBlock(of: 63) == SearchBlock(0))
    #expect(SearchBlock(of: 64) == SearchBlock(1))
    let bits = SearchBlock.bit(of: 64) | SearchBlock.bit(of: 70) | SearchBlock.bit(of: 127)
    #expect(SearchBlock(1).places(bits) == [127, 70, 64])
    #expect(SearchBlock(1).places(.max).count == 64)
  }

  @Test func `an excerpt shows what was found, and where`() throws {
    let excerpt = try #require(Excerpt(of: "Let us go running, she said.", finding: ["run"]))
    #expect(excerpt.text == "Let us go running, she said.")
    #expect(excerpt.highlights == [.init(start: 10, length: 7)])
    #expect(Excerpt(of: "Let us go running", finding: ["run", "walk"]) == nil)
    #expect(Excerpt(of: "anything", finding: []) == nil)
  }

  @Test func `a long text is cut around the first match`() throws {
    let body = String(repeating: "\u{1F600} ", count: 100) + "needle" + String(repeating: " hay", count: 100)
    let excerpt = try #require(Excerpt(of: body, finding: ["needl"]))
    #expect(excerpt.text.count == 162)
    #expect(excerpt.text.hasPrefix("\u{2026}") && excerpt.text.hasSuffix("\u{2026}"))
    let highlight = try #require(excerpt.highlights.first)
    let units = Array(excerpt.text.utf16)[highlight.start..<(highlight.start + highlight.length)]
    #expect(String(decoding: units, as: UTF16.self) == "needle")
  }

  @Test func `a page takes as many blocks as it needs, and all that end at once`() {
    func at(_ second: Int64) -> Timestamp { Timestamp(microseconds: second * 1_000_000) }
    let blocks = [(1, at(9)), (1, at(8)), (1, at(8)), (1, at(7))].map { (messages: $0.0, lastAt: $0.1) }
    #expect(SearchPage.take(blocks, atLeast: 1) == 1)
    #expect(SearchPage.take(blocks, atLeast: 2) == 3)
    #expect(SearchPage.take(blocks, atLeast: 9) == 4)
    #expect(SearchPage.take([], atLeast: 1) == 0)
  }
}
