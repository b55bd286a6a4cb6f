import Foundation
import Testing

@testable import Crypto

@Suite struct EncodingsTests {
  @Test func `hexadecimal goes both ways, capitals included`() {
    let all = Array(UInt8.min ... .max)
    #expect(Hex.encode([0, 1, 0xAB, 0xFF]) == "0001abff")
    #expect(Hex.decode(Hex.encode(all)) == all)
    #expect(Hex.decode("0001ABff") == [0, 1, 0xAB, 0xFF])
    #expect(Hex.encode([]) == "" && Hex.decode("") == [])
  }

  @Test(arguments: ["0", "0g", "00 11", "0x00", "00\n", "00:11", "é0", "00\u{0}0"])
  func `malformed hexadecimal is refused`(text: String) {
    #expect(Hex.decode(text) == nil)
  }

  @Test(arguments: [("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("foobar", "Zm9vYmFy")])
  func `base64url gives the texts of RFC 4648 without padding`(plain: String, text: String) {
    #expect(Base64URL.encode(plain.utf8) == text)
    #expect(Base64URL.decode(text) == Array(plain.utf8))
  }

  @Test(arguments: ["Zg==", "Z", "Zh", "Zm9=", "Zm 9v", "Zm9v\n", "+_/_", "Zm9vY", "Zm9v.", "é"])
  func `base64url with padding, other characters or stray bits is refused`(text: String) {
    #expect(Base64URL.decode(text) == nil)
  }

  @Test func `base64url agrees with Foundation on bytes of every length`() {
    for count in 0..<200 {
      let plain = randomBytes(count)
      let expected = Data(plain).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_")
        .replacing("=", with: "")
      #expect(Base64URL.encode(plain) == expected)
      #expect(Base64URL.decode(expected) == plain)
    }
  }

  @Test func `slices and texts that do not lie in one piece are encoded as well`() {
    #expect(Hex.encode([1, 2, 3, 4][1...2]) == "0203")
    #expect(Hex.encode(stride(from: UInt8(1), to: 4, by: 1).lazy.map { $0 }.reversed().map { $0 }) == "030201")
    #expect(Base64URL.decode("xxZm9vxx".dropFirst(2).dropLast(2)) == Array("foo".utf8))
  }
}
