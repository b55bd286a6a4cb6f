import Contract
import Testing

private enum Colour: String, Codable, CaseIterable { case red, green }

private struct Inner: Codable { let count: Int }

private struct Everything: Codable {
  let name: String
  let nickname: String?
  let age: Int32
  let ratio: Double
  let isOn: Bool?
  let colour: Colour
  let inner: Inner
  let others: [Inner]
  let owner: MemberID
  let at: Timestamp?
  let labels: [String: String]
}

private struct Email: Described, Encodable {
  let text: String
  static var schema: Schema { .string(length: 3...254, format: "email") }
  static var sample: Email { Email(text: "a@b") }
}

private struct Contact: Codable { let email: Email }

private struct Odd: Decodable {
  init(from decoder: any Decoder) throws { _ = try decoder.unkeyedContainer() }
}

@Suite struct SchemaTests {
  @Test func `the shape of a structure is read from its synthesised decoding`() throws {
    let expected = Schema.object([
      .init("name", .string()),
      .init("nickname", .string(), isRequired: false),
      .init("age", .integer()),
      .init("ratio", .number()),
      .init("isOn", .boolean, isRequired: false),
      .init("colour", .choice(["red", "green"])),
      .init("inner", .object([.init("count", .integer())])),
      .init("others", .array(.object([.init("count", .integer())]))),
      .init("owner", .string(format: "uuid")),
      .init("at", .string(format: "date-time"), isRequired: false),
      .init("labels", .map(.string())),
    ])
    #expect(try Schema(of: Everything.self) == expected)
  }

  @Test func `a type that describes itself is taken at its word`() throws {
    #expect(try Schema(of: Contact.self) == .object([.init("email", .string(length: 3...254, format: "email"))]))
  }

  @Test func `a type whose shape does not show is refused with advice`() {
    let error = #expect(throws: SchemaError.self) { try Schema(of: Odd.self) }
    #expect(error?.description.contains("Described") == true)
  }
}
