import Testing

@testable import Crypto

@Suite struct KeyRingTests {
  private let ring = KeyRing(current: 20_250_131, keys: [20_250_131: SymmetricKey()])
  private let message = Array("a message".utf8)

  @Test(arguments: [0, 1, 15, 16, 17, 1_000, 2 << 20])
  func `what is sealed opens to the same bytes`(count: Int) throws {
    let message = randomBytes(count)
    let sealed = ring.seal(message, context: "credits.requests".utf8)
    #expect(sealed.count == count + KeyRing.overhead)
    #expect(try ring.open(sealed, context: "credits.requests".utf8) == message)
  }

  @Test func `a sealed message begins with version and key id, and never repeats`() {
    let sealed = ring.seal(message, context: [])
    #expect(Array(sealed[..<5]) == [1, 0x01, 0x34, 0xFE, 0x13])
    #expect(KeyRing.overhead == 45)
    #expect(Set((0..<100).map { _ in ring.seal(message, context: []) }).count == 100)
  }

  @Test func `a change of any bit is found`() {
    let sealed = ring.seal(message, context: "c".utf8)
    for bit in 0..<sealed.count * 8 {
      var changed = sealed
      changed[bit / 8] ^= 1 << (bit % 8)
      let expected: SealError =
        switch bit / 8 {
        case 0: .notSealed
        case 1...4: .unknownKey(changed[1...4].reduce(0) { $0 << 8 | UInt32($1) })
        default: .notAuthentic
        }
      #expect(throws: expected, "bit \(bit)") { try ring.open(changed, context: "c".utf8) }
    }
  }

  @Test func `a message cut or lengthened is refused`() {
    let sealed = ring.seal(message, context: [])
    for count in 0..<KeyRing.overhead {
      #expect(throws: SealError.notSealed) { try ring.open(sealed.prefix(count), context: []) }
    }
    for count in KeyRing.overhead..<sealed.count {
      #expect(throws: SealError.notAuthentic) { try ring.open(sealed.prefix(count), context: []) }
    }
    #expect(throws: SealError.notAuthentic) { try ring.open(sealed + [0], context: []) }
  }

  @Test func `another context or another key of the same id does not open it`() {
    let sealed = ring.seal(message, context: "a".utf8)
    #expect(throws: SealError.notAuthentic) { try ring.open(sealed, context: "b".utf8) }
    #expect(throws: SealError.notAuthentic) { try ring.open(sealed, context: []) }
    let stranger = KeyRing(current: 20_250_131, keys: [20_250_131: SymmetricKey()])
    #expect(throws: SealError.notAuthentic) { try stranger.open(sealed, context: "a".utf8) }
  }

  @Test func `the key id is bound too: the same key under another id does not open it`() {
    let key = SymmetricKey()
    var sealed = KeyRing(current: 1, keys: [1: key]).seal(message, context: [])
    sealed[4] = 2
    #expect(throws: SealError.notAuthentic) { try KeyRing(current: 2, keys: [2: key]).open(sealed, context: []) }
  }

  @Test func `after a rotation old messages still open, new ones use the new key, and retired keys are named`() throws {
    let (old, new) = (SymmetricKey(), SymmetricKey())
    let before = KeyRing(current: 1, keys: [1: old])
    let during = KeyRing(current: 2, keys: [1: old, 2: new])
    let after = KeyRing(current: 2, keys: [2: new])
    let sealed = before.seal(message, context: [])
    #expect(try during.open(sealed, context: []) == message)
    let resealed = during.seal(message, context: [])
    #expect(try after.open(resealed, context: []) == message)
    #expect(throws: SealError.unknownKey(1)) { try after.open(sealed, context: []) }
    #expect(throws: SealError.unknownKey(2)) { try before.open(resealed, context: []) }
  }

  @Test func `rings derived for different purposes do not open each other's messages`() throws {
    let sealed = ring.derived(for: "identity").seal(message, context: [])
    #expect(try ring.derived(for: "identity").open(sealed, context: []) == message)
    #expect(throws: SealError.notAuthentic) { try ring.derived(for: "profiles").open(sealed, context: []) }
    #expect(throws: SealError.notAuthentic) { try ring.open(sealed, context: []) }
  }

  /// draft-irtf-cfrg-xchacha-03, appendix A.3.1.
  @Test func `XChaCha20-Poly1305 gives the ciphertext of the draft`() throws {
    let key = try #require(SymmetricKey(Array(UInt8(0x80)...0x9f)))
    let nonce = Array(UInt8(0x40)...0x57)
    let associated = bytes("50515253c0c1c2c3c4c5c6c7")
    let plain = Array(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it."
        .utf8)
    let expected = bytes(
      """
      bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39
      ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9
      21f9664c97637da9768812f615c68b13b52ec0875924c1c7987947deafd8780acf49
      """)
    let sealed = plain.withBytes { plain in
      associated.withBytes { associated in
        [UInt8](count: plain.count + 16) {
          XChaCha20Poly1305.seal(plain, associated, nonce: nonce, key: key, into: $0)
        }
      }
    }
    #expect(sealed == expected)
  }
}
