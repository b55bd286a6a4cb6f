import Foundation
import TestKit
import Testing
import Wire

@Suite struct JSONEncodingTests {
  private func text(_ value: some Encodable) throws -> String {
    String(decoding: try JSONEncoding.bytes(of: value), as: UTF8.self)
  }

  private struct Empty: Codable, Equatable {}

  private enum Shape: String, Codable { case round, square }

  private enum Choice: Codable, Equatable {
    case none
    case one(Int)
    case two(left: String, right: Empty)
  }

  private struct Everything: Codable, Equatable {
    var text: String
    var flag: Bool
    var number: Int
    var small: UInt8
    var wide: UInt64
    var fraction: Double
    var short: Float
    var missing: String?
    var list: [Int?]
    var map: [String: [Shape]]
    var choice: Choice
    var nested: [Empty]
  }

  @Test func `members keep their order and nil is null`() throws {
    let value = Everything(
      text: "a\"\\\n\u{1}é", flag: true, number: -12, small: 255, wide: .max, fraction: 1.5, short: 0.1, missing: nil,
      list: [1, nil], map: ["k": [.round, .square]], choice: .two(left: "x", right: Empty()), nested: [Empty()])
    #expect(
      try text(value) == #"""
        {"text":"a\"\\\n\u0001é","flag":true,"number":-12,"small":255,"wide":18446744073709551615,"fraction":1.5,"short":0.1,"missing":null,"list":[1,null],"map":{"k":["round","square"]},"choice":{"two":{"left":"x","right":{}}},"nested":[{}]}
        """#)
  }

  @Test func `numbers are written as JSON writes them`() throws {
    #expect(
      try text([1.0, -0.0, 1e21, 2.5e-300, .greatestFiniteMagnitude]) == "[1,-0,1e+21,2.5e-300,1.7976931348623157e+308]"
    )
    #expect(throws: JSONEncodingError.self) { try text(Double.nan) }
    #expect(throws: JSONEncodingError.self) { try text([Double.infinity]) }
  }

  @Test func `values without members are empty objects, and empty lists stay lists`() throws {
    #expect(try text(Empty()) == "{}")
    #expect(try text([Int]()) == "[]")
    #expect(try text([String: Int]()) == "{}")
    #expect(try text([[Int]](repeating: [], count: 2)) == "[[],[]]")
    #expect(try text(Choice.none) == #"{"none":{}}"#)
    #expect(try text("top") == #""top""#)
    #expect(try text(Int?.none) == "null")
  }

  @Test func `a type that opens several containers by hand is written in order`() throws {
    struct ByHand: Encodable {
      enum Key: String, CodingKey { case a, b, c }
      func encode(to encoder: any Encoder) throws {
        var outer = encoder.container(keyedBy: Key.self)
        var list = outer.nestedUnkeyedContainer(forKey: .a)
        try list.encode(1)
        var inner = list.nestedContainer(keyedBy: Key.self)
        try inner.encode(true, forKey: .c)
        var object = outer.nestedContainer(keyedBy: Key.self, forKey: .b)
        try object.encodeNil(forKey: .a)
        try outer.encode("end", forKey: .c)
      }
    }
    #expect(
      try text([ByHand(), ByHand()])
        == #"[{"a":[1,{"c":true}],"b":{"a":null},"c":"end"},{"a":[1,{"c":true}],"b":{"a":null},"c":"end"}]"#)
  }

  @Test func `random values read back by Foundation are the same`() throws {
    var random = SeededRandom.fromEnvironment()
    let alphabet: [Character] = ["a", "\"", "\\", "/", "\n", "\u{7f}", "\u{1f}", "é", "€", "😀", "e\u{301}"]
    func word() -> String {
      String((0..<Int.random(in: 0..<6, using: &random)).map { _ in alphabet.randomElement(using: &random)! })
    }
    for _ in 0..<1000 {
      let value = Everything(
        text: word(), flag: .random(using: &random), number: Int(truncatingIfNeeded: random.next()) >> 12,
        small: .random(in: 0...255, using: &random), wide: random.next() >> 12,
        fraction: Double(bitPattern: random.next() & 0x7fef_ffff_ffff_ffff), short: .random(in: -1...1, using: &random),
        missing: Bool.random(using: &random) ? word() : nil, list: [nil, Int.random(in: 0..<9, using: &random)],
        map: [word(): [.square]], choice: .one(3), nested: [])
      let read = try JSONDecoder().decode(Everything.self, from: Data(JSONEncoding.bytes(of: value)))
      #expect(read == value)
    }
  }
}
