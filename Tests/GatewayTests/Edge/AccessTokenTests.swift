import Contract
import Crypto
import Foundation
import Mesh
import Testing

@testable import Gateway

@Suite struct AccessTokenTests {
  private let key = SigningKey()
  private let now = Timestamp("2026-03-01T09:30:00Z")!
  private let member = MemberID("01890000-0000-7000-8000-000000000001")!
  private let session = AuthSessionID("01890000-0000-7000-8000-000000000002")!

  private var date: Date { Date(timeIntervalSince1970: Double(now.microseconds) / 1_000_000) }

  private var claims: AccessClaims {
    AccessClaims(exp: date.addingTimeInterval(900), iat: date, sub: member, sid: session, role: .moderator)
  }

  private func tokens() -> AccessTokens {
    var tokens = AccessTokens(cacheCapacity: 100)
    tokens.setKey(key.verifyingKey, key.verifyingKey.thumbprint)
    return tokens
  }

  private func mint(_ key: SigningKey? = nil, _ change: (inout AccessClaims) -> Void = { _ in }) throws -> String {
    var claims = claims
    change(&claims)
    return try TokenSigner(key ?? self.key).mint(claims)
  }

  private func code(_ tokens: inout AccessTokens, _ token: String, now: Timestamp? = nil) -> String {
    do throws(Rejection) {
      _ = try tokens.caller(holding: token, now: now ?? self.now)
      return "fine"
    } catch {
      return "\(error.problem.status) \(error.problem.code)"
    }
  }

  @Test func `a token says who asks, and its signature is checked once`() throws {
    var tokens = tokens()
    let token = try mint()
    for _ in 0..<5 {
      let caller = try tokens.caller(holding: token, now: now)
      #expect(caller == .member(member, role: .moderator, session: session))
    }
    #expect(tokens.misses == 1)
    #expect(tokens.hits == 4)
  }

  @Test func `a token ends at its time, known or not`() throws {
    var tokens = tokens()
    let token = try mint()
    #expect(code(&tokens, token) == "fine")
    #expect(code(&tokens, token, now: now + .seconds(901)) == "401 token_expired")
    #expect(code(&tokens, token, now: now + .seconds(906)) == "401 token_expired")
  }

  @Test func `tokens of others, for others, or changed are refused`() throws {
    var tokens = tokens()
    #expect(code(&tokens, try mint(SigningKey())) == "401 token_invalid")
    #expect(code(&tokens, try mint { $0.aud = "elsewhere" }) == "401 token_invalid")
    #expect(code(&tokens, try mint { $0.iss = "elsewhere" }) == "401 token_invalid")
    #expect(code(&tokens, try mint { $0.nbf = date.addingTimeInterval(60) }) == "401 token_invalid")
    let token = try mint()
    var changed = Array(token.utf8)
    changed[changed.count - 40] =
      changed[changed.count - 40] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
    #expect(code(&tokens, String(decoding: changed, as: UTF8.self)) == "401 token_invalid")
    for junk in ["", ".", "..", "a.b.c", "Bearer x", String(repeating: "x", count: 10_000)] {
      #expect(code(&tokens, junk) == "401 token_invalid")
    }
    let payload = token.split(separator: ".")[1]
    let none = Base64URL.encode(#"{"alg":"none","typ":"JWT"}"#.utf8)
    #expect(code(&tokens, "\(none).\(payload).") == "401 token_invalid")
    let hmac = Base64URL.encode(
      #"{"alg":"HS256","kid":"\#(key.verifyingKey.thumbprint)","typ":"JWT"}"#.utf8)
    let forged = HMAC.authenticate(Array("\(hmac).\(payload)".utf8), key: key.verifyingKey.bytes)
    #expect(code(&tokens, "\(hmac).\(payload).\(Base64URL.encode(forged))") == "401 token_invalid")
  }

  @Test func `a key that is withdrawn takes its tokens with it, known ones too`() throws {
    var tokens = tokens()
    let other = SigningKey()
    tokens.setKey(other.verifyingKey, other.verifyingKey.thumbprint)
    let (first, second) = (try mint(), try mint(other))
    #expect(code(&tokens, first) == "fine")
    #expect(code(&tokens, second) == "fine")
    tokens.setKey(nil, key.verifyingKey.thumbprint)
    #expect(code(&tokens, first) == "401 token_invalid")
    #expect(code(&tokens, second) == "fine")
  }

  @Test func `revocations take effect on tokens that are known already, and end`() throws {
    var tokens = tokens()
    let token = try mint()
    #expect(code(&tokens, token) == "fine")
    tokens.setRevocation(Revocation(until: now + .seconds(60), reason: .revoked), of: "session:\(session)")
    #expect(code(&tokens, token) == "401 session_revoked")
    tokens.setRevocation(Revocation(until: now + .seconds(60), reason: .suspended), of: "member:\(member)")
    #expect(code(&tokens, token) == "403 account_suspended")
    tokens.setRevocation(Revocation(until: now + .seconds(60), reason: .banned), of: "member:\(member)")
    #expect(code(&tokens, token) == "403 account_banned")
    tokens.setRevocation(nil, of: "member:\(member)")
    #expect(code(&tokens, token) == "401 session_revoked")
    #expect(code(&tokens, token, now: now + .seconds(60)) == "fine")
    tokens.purge(now: now + .seconds(60))
    #expect(tokens.revocations.count == 0)
  }

  @Test func `a revocation of nobody is ignored`() {
    var revocations = Revocations()
    for subject in ["", "session", "session:", "session:x", "member:1", "host:\(member)", "\(member)"] {
      revocations.set(Revocation(until: now, reason: .revoked), for: subject)
    }
    #expect(revocations.count == 0)
  }
}
