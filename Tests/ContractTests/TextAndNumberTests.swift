import Contract
import Foundation
import Testing

/// Values that accept less than their wire form could carry.
@Suite struct TextAndNumberTests {
  private struct Letter: FormedText {
    let description: String

    init?(_ description: String) {
      guard description.count == 1 else { return nil }
      self.description = description
    }

    static var malformed: InvalidValue { InvalidValue("letter", "must be one letter") }
    static var schema: Schema { .string(length: 1...1) }
    static var sample: Letter { Letter("a")! }
  }

  private struct Word: RuledText {
    let text: String

    init(_ text: String) throws(InvalidValue) {
      guard !text.trimmed.isEmpty else { throw InvalidValue("too_short", "must not be empty") }
      self.text = text.trimmed
    }

    private init(known text: String) { self.text = text }
    static var schema: Schema { .string(length: 1...10) }
    static var sample: Word { Word(known: "word") }
  }

  private func read<Value: Decodable>(_ json: String, as type: Value.Type) throws -> Value {
    try JSONDecoder().decode(type, from: Data(json.utf8))
  }

  private func written(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoder().encode(value), as: UTF8.self)
  }

  @Test func `formed text is one text on the wire, and other text is refused in its own words`() throws {
    #expect(try written(read(#""a""#, as: Letter.self)) == #""a""#)
    #expect(throws: Letter.malformed) { try read(#""ab""#, as: Letter.self) }
  }

  @Test func `ruled text is kept as its rule has it, and says what is wrong with other text`() throws {
    let word = try read(#""  to be\t""#, as: Word.self)
    #expect(word.description == "to be")
    #expect(try written(word) == #""to be""#)
    #expect(throws: InvalidValue("too_short", "must not be empty")) { try read(#"" ""#, as: Word.self) }
  }

  @Test func `a page has 1 to 100 elements`() throws {
    #expect(try [1, 100].map { try PageSize($0).number } == [1, 100])
    #expect(try written(read("7", as: PageSize.self)) == "7")
    for number in [0, 101] {
      #expect(throws: InvalidValue("range", "must be between 1 and 100")) { try read("\(number)", as: PageSize.self) }
    }
    #expect(PageSize.schema == .integer(1...100))
  }
}
