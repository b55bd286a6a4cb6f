import Contract
import IdentityAPI
import Testing

@testable import Identity

@Suite struct AccountTests {
  let now = Timestamp("2026-03-01T12:00:00Z")!
  private func account() throws -> Account {
    let request = Register(
      email: EmailAddress("ada@example.org")!, password: try NewPassword("correct battery"),
      firstName: try PersonName("Ada"), lastName: try PersonName("Lovelace"))
    return Account(registering: request, id: MemberID(at: now), passwordHash: "hash")
  }

  @Test func `whoever registers may enter, as a member without a proven address`() throws {
    let account = try account()
    try account.mayEnter(now: now)
    #expect(account.user.role == .member)
    #expect(!account.user.emailVerified)
  }

  @Test func `an address is proven once`() throws {
    var account = try account()
    #expect(account.verifyEmail(now: now)?.email == account.email)
    #expect(account.verifyEmail(now: now + .seconds(1)) == nil)
    #expect(account.emailVerifiedAt == now)
  }

  @Test func `a suspension ends by itself`() throws {
    var account = try account()
    let until = now + .seconds(60)
    #expect(account.suspend(until: until, reason: "spam")?.until == until)
    #expect(throws: ShutOut.suspended) { try account.mayEnter(now: until - .microseconds(1)) }
    try account.mayEnter(now: until)
    #expect(account.endSuspension(now: until - .seconds(1)) == nil)
    #expect(account.endSuspension(now: until)?.member == account.id)
    #expect(account.endSuspension(now: until) == nil)
  }

  @Test func `a suspension that was prolonged does not end at its first time`() throws {
    var account = try account()
    _ = account.suspend(until: now + .seconds(60), reason: "spam")
    _ = account.suspend(until: now + .seconds(120), reason: "more spam")
    #expect(account.endSuspension(now: now + .seconds(60)) == nil)
  }

  @Test func `a ban lasts, is not shortened by a suspension, and is told once`() throws {
    var account = try account()
    #expect(account.ban(reason: "fraud")?.reason == "fraud")
    #expect(account.ban(reason: "fraud") == nil)
    #expect(account.suspend(until: now + .seconds(60), reason: "spam") == nil)
    #expect(throws: ShutOut.banned) { try account.mayEnter(now: now + .seconds(1_000_000_000)) }
    #expect(account.endSuspension(now: now + .seconds(60)) == nil)
    #expect(account.restore()?.member == account.id)
    #expect(account.restore() == nil)
    try account.mayEnter(now: now)
  }
}
