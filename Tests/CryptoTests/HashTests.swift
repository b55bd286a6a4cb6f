import Testing

@testable import Crypto

func bytes(_ hex: String) -> [UInt8] { Hex.decode(hex.filter { !$0.isWhitespace })! }

@Suite struct HashTests {
  @Test func `SHA-256 gives the digests of FIPS 180`() {
    #expect(
      Hex.encode(SHA256.hash("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(Hex.encode(SHA256.hash([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
  }

  @Test func `BLAKE2b gives the digest of RFC 7693, appendix A`() {
    #expect(
      Hex.encode(BLAKE2b.hash("abc".utf8, count: 64))
        == "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1"
        + "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923")
  }

  @Test func `keyed BLAKE2b gives the known answers of its authors`() {
    let key = Array(UInt8(0)..<64)
    #expect(
      Hex.encode(BLAKE2b.hash([], keyBytes: key, count: 64))
        == "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786"
        + "b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568")
    #expect(
      Hex.encode(BLAKE2b.hash([0], keyBytes: key, count: 64))
        == "961f6dd1e4dd30f63901690c512e78e4b45e4742ed197c3c5e45c549fd25f2e4"
        + "187b0bc9fe30492b16b0d0bc4ef9b0f34c7003fac09a5ef1532e69430234cebd")
  }

  @Test func `a BLAKE2b digest depends on key and length`() {
    let key = SymmetricKey()
    let digests = [
      BLAKE2b.hash("m".utf8), BLAKE2b.hash("m".utf8, key: key), BLAKE2b.hash("m".utf8, key: SymmetricKey()),
      BLAKE2b.hash("m".utf8, key: key, count: 16),
    ]
    #expect(Set(digests).count == 4)
    #expect(digests.map(\.count) == [32, 32, 32, 16])
  }

  /// RFC 4231, cases 1 to 4, 6 and 7 (5 is a truncated code).
  @Test(arguments: [
    (
      "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    ),
    (
      "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
      "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    ),
    (
      String(repeating: "aa", count: 20), String(repeating: "dd", count: 50),
      "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"
    ),
    (
      "0102030405060708090a0b0c0d0e0f10111213141516171819", String(repeating: "cd", count: 50),
      "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"
    ),
    (
      String(repeating: "aa", count: 131),
      "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048617368204b6579204669727374",
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
    ),
  ])
  func `HMAC-SHA256 gives the codes of RFC 4231`(key: String, message: String, code: String) {
    #expect(Hex.encode(HMAC.authenticate(bytes(message), key: bytes(key))) == code)
    #expect(HMAC.isValid(bytes(code), for: bytes(message), key: bytes(key)))
  }

  @Test func `a code with any bit changed, cut or longer is not valid`() {
    let key = SymmetricKey()
    let code = HMAC.authenticate("m".utf8, key: key)
    #expect(HMAC.isValid(code, for: "m".utf8, key: key))
    for bit in 0..<256 {
      var forged = code
      forged[bit / 8] ^= 1 << (bit % 8)
      #expect(!HMAC.isValid(forged, for: "m".utf8, key: key), "bit \(bit)")
    }
    #expect(!HMAC.isValid(code.dropLast(), for: "m".utf8, key: key))
    #expect(!HMAC.isValid(code + [0], for: "m".utf8, key: key))
    #expect(!HMAC.isValid(code, for: "n".utf8, key: key))
    #expect(!HMAC.isValid(code, for: "m".utf8, key: SymmetricKey()))
  }

  @Test func `HKDF gives the keys of RFC 5869, appendices A1 to A3`() {
    #expect(
      HKDF.derive(
        from: [UInt8](repeating: 0x0b, count: 22), salt: bytes("000102030405060708090a0b0c"),
        info: bytes("f0f1f2f3f4f5f6f7f8f9"), count: 42)
        == bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"))
    #expect(
      HKDF.derive(
        from: Array(UInt8(0x00)...0x4f), salt: Array(UInt8(0x60)...0xaf), info: Array(UInt8(0xb0)...0xff), count: 82)
        == bytes(
          """
          b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09
          da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87
          """))
    #expect(
      HKDF.derive(from: [UInt8](repeating: 0x0b, count: 22), info: [], count: 42)
        == bytes("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"))
  }

  @Test func `the longest HKDF output is a prefix-extension of shorter ones`() {
    let longest = HKDF.derive(from: [1], info: [2], count: 8_160)
    #expect(longest.count == 8_160)
    #expect(HKDF.derive(from: [1], info: [2], count: 33) == Array(longest.prefix(33)))
  }

  @Test func `derived keys differ by purpose and are the same each time`() {
    func raw(_ key: SymmetricKey) -> [UInt8] { key.withBytes { Array($0) } }
    let root = SymmetricKey(Array(UInt8(0)..<32))!
    #expect(raw(root.derived(for: "identity")) == raw(root.derived(for: "identity")))
    #expect(raw(root.derived(for: "identity")) != raw(root.derived(for: "profiles")))
    #expect(raw(root.derived(for: "identity")) == HKDF.derive(from: raw(root), info: "identity".utf8, count: 32))
  }

  @Test func `keys are exactly 32 bytes and show nothing`() {
    #expect(SymmetricKey([UInt8](repeating: 0, count: 31)) == nil)
    #expect(SymmetricKey([UInt8](repeating: 0, count: 33)) == nil)
    var dumped = ""
    dump(SymmetricKey(), to: &dumped)
    dump(SigningKey(), to: &dumped)
    #expect(!dumped.contains("0x") && "\(SymmetricKey())\(SigningKey())" == "<key><key>")
  }

  @Test func `random bytes are of the asked length and do not repeat`() {
    #expect(randomBytes(0) == [])
    #expect(Set((0..<100).map { _ in randomBytes(16) }).count == 100)
  }

  @Test func `comparison in constant time compares`() {
    #expect(constantTimeEqual([], []))
    #expect(constantTimeEqual([1, 2], [1, 2]))
    #expect(!constantTimeEqual([1, 2], [1, 3]))
    #expect(!constantTimeEqual([1, 2], [1, 2, 3]))
  }
}
