import Contract
import TestKit
import Testing

@Suite struct IDTests {
  @Test func `a new identifier is of version 7 and begins with its time`() {
    let time = Timestamp("2022-02-22T19:22:22Z")!
    var random = SeededRandom(seed: 1)
    let id = UniqueID(at: time, using: &random)
    // RFC 9562, appendix A.6 has this very time.
    #expect(id.description.hasPrefix("017f22e2-79b0-7"))
    #expect("89ab".contains(Array(id.description)[19]))
  }

  @Test func `identifiers sort by age`() {
    var random = SeededRandom.fromEnvironment()
    let ids = (0..<1000).map { UniqueID(at: Timestamp(milliseconds: 1_700_000_000_000 + $0), using: &random) }
    #expect(ids.sorted() == ids)
    #expect(ids.map(\.description).sorted() == ids.map(\.description))
  }

  @Test func `text is read in either case and written in lower case`() {
    let text = "017F22E2-79B0-7CC3-98C4-DC0C0C07398F"
    #expect(UniqueID(text)?.description == text.lowercased())
  }

  @Test(arguments: [
    "", "017f22e2", "017f22e279b07cc398c4dc0c0c07398f", "017f22e2-79b0-7cc3-98c4-dc0c0c07398",
    "x17f22e2-79b0-7cc3-98c4-dc0c0c07398f",
    "017f22e2-79b0-7cc3-98c4-dc0c0c07398f0", "017f22e2-79b0-7cc3-98c4_dc0c0c07398f",
    "{017f22e2-79b0-7cc3-98c4-dc0c0c07398f}",
  ])
  func `anything but the canonical form is refused`(text: String) {
    #expect(UniqueID(text) == nil)
    #expect(MemberID(text) == nil)
  }
}
