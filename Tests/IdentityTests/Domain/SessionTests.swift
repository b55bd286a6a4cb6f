import Contract
import IdentityAPI
import Testing

@testable import Identity

@Suite struct SessionTests {
  static let start = Timestamp("2026-03-01T12:00:00Z")!
  let start = Self.start
  let member = MemberID(at: start)
  let first = RefreshToken(of: AuthSessionID(at: start))
  var next: RefreshToken { RefreshToken(of: first.session) }

  private func begin() -> Session { Session(of: member, on: nil, beginningWith: first, now: start) }

  @Test func `the current token is exchanged, again and again`() {
    var session = begin()
    var token = first
    for hour in 1...50 {
      let following = next
      #expect(session.use(token, next: following, now: start + .seconds(3600 * hour)) == .rotated)
      token = following
    }
    #expect(session.end == nil)
  }

  @Test func `the token before it may come back for 30 seconds, and gives the current one again`() {
    var session = begin()
    let second = next
    #expect(session.use(first, next: second, now: start) == .rotated)
    #expect(session.use(first, next: next, now: start) == .repeated)
    #expect(session.use(first, next: next, now: start + .milliseconds(29_999)) == .repeated)
    #expect(session.use(second, next: next, now: start + .seconds(31)) == .rotated)
  }

  @Test func `after 30 seconds it is a theft, and ends the session`() {
    var session = begin()
    let second = next
    #expect(session.use(first, next: second, now: start) == .rotated)
    let event = SessionRevoked(member: member, session: session.id, cause: .tokenReused)
    #expect(session.use(first, next: next, now: start + .seconds(30)) == .reused(event))
    #expect(session.use(second, next: next, now: start + .seconds(31)) == .over)
    #expect(session.use(first, next: next, now: start + .seconds(32)) == .over)
  }

  @Test func `a token from long ago is a theft even right after an exchange`() {
    var session = begin()
    let (second, third) = (next, next)
    _ = session.use(first, next: second, now: start)
    _ = session.use(second, next: third, now: start)
    guard case .reused = session.use(first, next: next, now: start) else {
      Issue.record("the first token was accepted")
      return
    }
    #expect(session.end == Session.End(at: start, cause: .tokenReused))
  }

  @Test func `a token holds for 30 days after it was given out`() {
    var session = begin()
    #expect(session.use(first, next: next, now: start + Session.life) == .over)
    let second = next
    #expect(session.use(first, next: second, now: start + Session.life - .seconds(1)) == .rotated)
    #expect(session.use(second, next: next, now: start + Session.life * 2 - .seconds(2)) == .rotated)
  }

  @Test func `ending it twice is told once`() {
    var session = begin()
    #expect(session.revoke(.signedOut, now: start)?.cause == .signedOut)
    #expect(session.revoke(.banned, now: start) == nil)
    #expect(session.end?.cause == .signedOut)
  }

  @Test func `a refresh token reads back what it wrote, and nothing else`() throws {
    let token = try #require(RefreshToken(first.text))
    #expect(token == first)
    #expect(first.text.count == 64)
    #expect(RefreshToken(of: first.session) != first)
    for text in [
      "", "x", String(first.text.dropLast()), first.text + "A", first.text + "=", String(repeating: "A", count: 5000),
    ] {
      #expect(RefreshToken(text) == nil)
    }
  }

  @Test func `a mailed token reads back what it wrote, and nothing else`() throws {
    let token = OneTimeToken()
    #expect(OneTimeToken(token.text) == token)
    #expect(token.digest.count == 32)
    for text in ["", token.text + "A", String(token.text.dropLast()), String(repeating: "/", count: 43)] {
      #expect(OneTimeToken(text) == nil)
    }
  }
}
