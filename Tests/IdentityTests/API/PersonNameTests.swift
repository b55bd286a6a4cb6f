import Contract
import IdentityAPI
import Testing

@Suite struct PersonNameTests {
  @Test(arguments: [
    ("Ada", "Ada"), ("  Ada  ", "Ada"), ("Jean-Luc d'Ys", "Jean-Luc d'Ys"), ("陳", "陳"), ("نور‌الدین", "نور‌الدین"),
    (String(repeating: "x", count: 100), String(repeating: "x", count: 100)),
  ])
  func `a name is kept as its bearer writes it`(text: String, kept: String) throws {
    #expect(try PersonName(text).text == kept)
  }

  @Test(arguments: [
    ("", "too_short"), (" \t ", "too_short"), (String(repeating: "x", count: 101), "too_long"),
    ("e" + String(repeating: "\u{301}", count: 250), "too_long"), ("A\u{0}da", "characters"),
    ("A\nda", "characters"), ("\u{202E}adA", "characters"), ("A\u{2066}da", "characters"),
  ])
  func `what is no name is refused`(text: String, code: String) {
    let error = #expect(throws: InvalidValue.self) { try PersonName(text) }
    #expect(error?.code == code)
  }
}
