import Foundation
import Testing

@testable import Crypto

private struct Claims: TokenClaims, Equatable {
  var iss = "skillmesh"
  var aud = "api"
  var exp = Date(timeIntervalSince1970: 1_000_900)
  var nbf: Date? = Date(timeIntervalSince1970: 1_000_000)
  var sub = "member-1"
}

@Suite struct TokenTests {
  private let key = SigningKey()
  private let now = Date(timeIntervalSince1970: 1_000_100)
  private var signer: TokenSigner { TokenSigner(key) }
  private var verifier: TokenVerifier { verifier(of: [key]) }

  private func verifier(of keys: [SigningKey]) -> TokenVerifier {
    TokenVerifier(keys: JSONWebKeySet(keys.map(\.verifyingKey)), issuer: "skillmesh", audience: "api")
  }

  /// A token with any header and claims, properly signed.
  private func token(_ header: String, _ claims: String) -> String {
    let signed = Base64URL.encode(header.utf8) + "." + Base64URL.encode(claims.utf8)
    return signed + "." + Base64URL.encode(key.sign(signed.utf8))
  }

  private func error(_ token: String, at now: Date? = nil) -> TokenError? {
    do {
      let _: Claims = try verifier.verify(token, now: now ?? self.now)
      return nil
    } catch {
      return error
    }
  }

  @Test func `a minted token says what was put in`() throws {
    let token = try signer.mint(Claims())
    #expect(try verifier.verify(token, as: Claims.self, now: now) == Claims())
    let parts = token.split(separator: ".").map { Base64URL.decode($0)! }
    #expect(
      String(decoding: parts[0], as: UTF8.self)
        == #"{"alg":"EdDSA","kid":"\#(key.verifyingKey.thumbprint)","typ":"JWT"}"#)
    #expect(
      String(decoding: parts[1], as: UTF8.self)
        == #"{"aud":"api","exp":1000900,"iss":"skillmesh","nbf":1000000,"sub":"member-1"}"#)
  }

  /// RFC 8037, appendix A.1 to A.4.
  @Test func `key, thumbprint and signature are those of RFC 8037`() throws {
    let seed = try #require(Base64URL.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    let key = SigningKey(seed: try #require(SymmetricKey(seed)))
    #expect(Base64URL.encode(key.verifyingKey.bytes) == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo")
    #expect(key.verifyingKey.thumbprint == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k")
    let signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
    #expect(
      Base64URL.encode(key.sign(signed.utf8))
        == "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg")
  }

  @Test func `a token with any character changed is refused`() throws {
    let token = Array(try signer.mint(Claims()).utf8)
    for index in token.indices {
      var changed = token
      changed[index] = changed[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      #expect(error(String(decoding: changed, as: UTF8.self)) != nil, "character \(index)")
    }
  }

  @Test func `time is checked with five seconds of leeway`() throws {
    let token = try signer.mint(Claims())
    #expect(error(token, at: Date(timeIntervalSince1970: 999_994)) == .notYetValid)
    #expect(error(token, at: Date(timeIntervalSince1970: 999_995)) == nil)
    #expect(error(token, at: Date(timeIntervalSince1970: 1_000_904)) == nil)
    #expect(error(token, at: Date(timeIntervalSince1970: 1_000_905)) == .expired)
    #expect(error(try signer.mint(Claims(nbf: nil)), at: Date(timeIntervalSince1970: 0)) == nil)
  }

  @Test func `another issuer or audience is refused`() throws {
    #expect(error(try signer.mint(Claims(iss: "other"))) == .wrongIssuer)
    #expect(error(try signer.mint(Claims(aud: "other"))) == .wrongAudience)
  }

  @Test func `the algorithm is ours to say`() throws {
    let kid = key.verifyingKey.thumbprint
    let claims = #"{"iss":"skillmesh","aud":"api","exp":1000900,"sub":"member-1"}"#
    #expect(error(token(#"{"alg":"EdDSA","kid":"\#(kid)"}"#, claims)) == nil)
    for alg in ["none", "None", "", "HS256", "RS256", "ES256", "eddsa"] {
      #expect(error(token(#"{"alg":"\#(alg)","kid":"\#(kid)"}"#, claims)) == .unsupported, "\(alg)")
    }
    #expect(error(token(#"{"alg":"EdDSA","kid":"\#(kid)","crit":["exp"],"exp":1}"#, claims)) == .unsupported)
    #expect(error(token(#"{"alg":"EdDSA","kid":"\#(kid)","typ":"refresh"}"#, claims)) == .unsupported)
    #expect(error(token(#"{"kid":"\#(kid)"}"#, claims)) == .malformed)
    #expect(error(token(#"{"alg":"EdDSA"}"#, claims)) == .unknownKey)
    #expect(error(token(#"{"alg":"EdDSA","kid":"other"}"#, claims)) == .unknownKey)
  }

  @Test func `a code made with the public key as its secret does not pass`() {
    let header = #"{"alg":"HS256","kid":"\#(key.verifyingKey.thumbprint)"}"#
    let signed = Base64URL.encode(header.utf8) + "." + Base64URL.encode("{}".utf8)
    let code = HMAC.authenticate(signed.utf8, key: key.verifyingKey.bytes)
    #expect(error(signed + "." + Base64URL.encode(code)) == .unsupported)
  }

  @Test func `claims that are missing or of another type are refused`() {
    let header = #"{"alg":"EdDSA","kid":"\#(key.verifyingKey.thumbprint)"}"#
    for claims in [
      "{}", "[]", "null", "", "{", #"{"iss":"skillmesh","aud":"api","sub":"m"}"#,
      #"{"iss":"skillmesh","aud":["api"],"exp":1000900,"sub":"m"}"#,
      #"{"iss":"skillmesh","aud":"api","exp":"1000900","sub":"m"}"#,
    ] {
      #expect(error(token(header, claims)) == .malformed, "\(claims)")
    }
  }

  @Test func `a token of the wrong shape is refused`() throws {
    let token = try signer.mint(Claims())
    let parts = token.split(separator: ".").map(String.init)
    for text in [
      "", ".", "..", "...", token + ".", "." + token, token + "=", token + " ", " " + token,
      parts[0] + "." + parts[1], parts[0] + ".." + parts[2], parts[0] + "." + parts[1] + ".",
      String(repeating: "a", count: 5_000),
    ] {
      #expect(error(text) == .malformed || error(text) == .badSignature, "\(text)")
    }
  }

  @Test func `a random change of a token never traps`() throws {
    let seed = ProcessInfo.processInfo.environment["SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
    print("SEED=\(seed)")
    var generator = Splitmix(state: seed)
    let token = Array(try signer.mint(Claims()).utf8)
    for _ in 0..<2_000 {
      var changed = token
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: changed[Int.random(in: changed.indices, using: &generator)] = .random(in: 0 ... .max, using: &generator)
        case 1: changed.removeLast(Int.random(in: 0..<changed.count / 2, using: &generator))
        default:
          changed.insert(
            .random(in: 0 ... .max, using: &generator), at: changed.indices.randomElement(using: &generator)!)
        }
      }
      if changed != token { #expect(error(String(decoding: changed, as: UTF8.self)) != nil) }
    }
  }

  @Test func `during a rotation tokens of both keys pass, afterwards the old ones do not`() throws {
    let next = SigningKey()
    let tokens = [try signer.mint(Claims()), try TokenSigner(next).mint(Claims())]
    for token in tokens { #expect(try verifier(of: [key, next]).verify(token, as: Claims.self, now: now) == Claims()) }
    #expect(throws: TokenError.unknownKey) {
      try verifier(of: [next]).verify(tokens[0], as: Claims.self, now: now)
    }
  }
}

@Suite struct JSONWebKeySetTests {
  private let key = SigningKey().verifyingKey

  private func decode(_ text: String) throws -> JSONWebKeySet {
    try JSONDecoder().decode(JSONWebKeySet.self, from: Data(text.utf8))
  }

  @Test func `a set is written as RFC 8037 has it and reads back`() throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let text = String(decoding: try encoder.encode(JSONWebKeySet([key])), as: UTF8.self)
    let (x, kid) = (Base64URL.encode(key.bytes), key.thumbprint)
    #expect(
      text
        == #"{"keys":[{"alg":"EdDSA","crv":"Ed25519","kid":"\#(kid)","kty":"OKP","use":"sig","x":"\#(x)"}]}"#)
    #expect(try decode(text)[kid] == key)
  }

  @Test func `keys of other kinds are left out`() throws {
    let x = Base64URL.encode(key.bytes)
    let set = try decode(
      """
      {"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB","kid":"a"},{"kty":"OKP","crv":"X25519","x":"\(x)","kid":"b"},
      {"kty":"OKP","crv":"Ed25519","x":"AAAA","kid":"c"},{"kty":"OKP","crv":"Ed25519","x":"\(x)","kid":"d","use":"enc"},
      {"kty":"OKP","crv":"Ed25519","x":"\(x)","kid":"e"}]}
      """)
    #expect(["a", "b", "c", "d", "e"].map { set[$0] } == [nil, nil, nil, nil, key])
  }

  @Test func `a set of too many keys is refused`() {
    let entries = (0..<33).map { #"{"kty":"RSA","kid":"\#($0)"}"# }.joined(separator: ",")
    #expect(throws: DecodingError.self) { try decode(#"{"keys":[\#(entries)]}"#) }
  }
}

/// A small generator whose sequence its seed determines.
private struct Splitmix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = (state ^ (state >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
