import Contract
import Crypto
import EventLoop
import HTTP
import Mesh
import Telemetry
import Testing

@testable import Gateway

@Suite struct IdentityFeedTests {
  @Test @Loop func `only a key that is what its id says is taken`() throws {
    let edge = try TestEdge()
    defer { edge.server.stop() }
    let feed = IdentityFeed(edge: edge.edge, log: .disabled)
    let key = SigningKey().verifyingKey
    let jwk = #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(key.bytes))","alg":"EdDSA"}"#
    let before = edge.edge.tokens.keyCount
    for (id, record) in [
      ("other", #"{"kid":"other","jwk":\#(jwk)}"#), (key.thumbprint, #"{"kid":"other","jwk":\#(jwk)}"#),
      (key.thumbprint, #"{"kid":"\#(key.thumbprint)","jwk":{"kty":"RSA","crv":"Ed25519","x":"AA"}}"#),
      (key.thumbprint, "{}"), (key.thumbprint, "junk"),
    ] {
      feed.apply(key: id, Array(record.utf8))
      #expect(edge.edge.tokens.keyCount == before)
    }
    feed.apply(key: key.thumbprint, Array(#"{"kid":"\#(key.thumbprint)","jwk":\#(jwk)}"#.utf8))
    #expect(edge.edge.tokens.keyCount == before + 1)
    feed.apply(key: key.thumbprint, nil)
    #expect(edge.edge.tokens.keyCount == before)
  }

  @Test @Loop func `a revocation that cannot be read refuses its subject`() throws {
    let edge = try TestEdge()
    defer { edge.server.stop() }
    let feed = IdentityFeed(edge: edge.edge, log: .disabled)
    let (member, session) = (MemberID(at: .now), AuthSessionID(at: .now))
    func reason() -> Revocation.Reason? {
      edge.edge.tokens.revocations.reason(member: member, session: session, now: .now)
    }
    for record in [
      "", "{}", #"{"until":"soon","reason":"revoked"}"#, #"{"until":"2000-01-01T00:00:00Z","reason":"x"}"#,
    ] {
      feed.apply(revocation: "session:\(session)", Array(record.utf8))
      #expect(reason() == .revoked)
    }
    feed.apply(revocation: "session:\(session)", Array(#"{"until":"2000-01-01T00:00:00Z","reason":"reset"}"#.utf8))
    #expect(reason() == nil)
    feed.apply(revocation: "member:\(member)", Array(#"{"until":"2999-01-01T00:00:00Z","reason":"banned"}"#.utf8))
    #expect(reason() == .banned)
  }
}
