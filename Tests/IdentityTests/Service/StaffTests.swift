import Contract
import EventLoop
import IdentityAPI
import Mesh
import ServiceKit
import TestKit
import Testing

@testable import Identity

/// What staff do to members, as every gateway comes to know it.
@Suite(.timeLimit(.minutes(3))) struct StaffTests {
  private let operatorCaller = Caller.service("operator", member: nil)

  private func appointment(_ email: String) throws -> AppointStaff {
    AppointStaff(
      email: EmailAddress(email)!, password: try NewPassword("correct battery horse"),
      firstName: try PersonName("Grace"), lastName: try PersonName("Hopper"))
  }

  @Test @Loop func `the operator makes an admin, and raises a member to one`() async throws {
    let world = try await IdentityWorld()
    let request = try appointment("grace@example.org")
    for stranger in [Caller.service("matching", member: nil), .service("moderation", member: nil)] {
      #expect(try await world.ask(request, as: stranger).problem?.code == "not_allowed")
    }
    await #expect(throws: AskError.self) { try await world.ask(request, as: .anyone) }

    let made = try await world.ask(request, as: operatorCaller).get()
    #expect(made.isNew)
    let grace = try await world.login("grace@example.org").get()
    #expect((grace.user.id, grace.user.role, grace.user.emailVerified) == (made.member, .admin, true))

    let ada = try await world.register("ada@example.org")
    let raised = try await world.ask(appointment("ada@example.org"), as: operatorCaller).get()
    #expect((raised.member, raised.isNew) == (ada.user.id, false))
    let refreshed = try await world.ask(Refresh(refreshToken: ada.refreshToken)).get()
    guard case .member(_, .admin, _) = try world.caller(holding: refreshed.accessToken) else {
      Issue.record("the new role is not in the new token")
      return
    }
    try await world.end()
  }

  @Test @Loop func `a suspended member is shut out everywhere until restored`() async throws {
    let world = try await IdentityWorld()
    let ada = try await world.register("ada@example.org")
    let key = Revocation.key(of: ada.user.id)
    let until = Timestamp.now + .seconds(3600)
    let suspend = SuspendMember(member: ada.user.id, until: until, reason: "spam")
    #expect(try await world.ask(suspend, as: .service("matching", member: nil)).problem?.status == 403)
    _ = try await world.ask(suspend, as: operatorCaller).get()
    try await world.wait("the revocation") {
      world.revocations[key, as: Revocation.self] == Revocation(until: until, reason: .suspended)
    }
    #expect(try await world.login("ada@example.org").problem?.code == "account_suspended")
    #expect(try await world.login("ada@example.org", password: "wrong").problem?.code == "invalid_credentials")
    #expect(try await world.ask(Refresh(refreshToken: ada.refreshToken)).problem?.code == "account_suspended")
    let found = try await world.ask(FindMember(email: ada.user.email), as: operatorCaller).get()
    #expect((found.member, found.suspendedUntil, found.isBanned) == (ada.user.id, until, false))

    _ = try await world.ask(RestoreMember(member: ada.user.id), as: operatorCaller).get()
    try await world.wait("the end of the revocation") { world.revocations.values[key] == nil }
    _ = try await world.ask(Refresh(refreshToken: ada.refreshToken)).get()
    #expect(
      try await world.events(about: ada.user.id) == [
        "identity.member-registered", "identity.member-suspended", "identity.member-restored",
      ])
    let unknown = SuspendMember(member: MemberID(at: .now), until: nil, reason: "spam")
    #expect(try await world.ask(unknown, as: operatorCaller).problem?.code == "member_not_found")
    try await world.end()
  }

  @Test @Loop func `a suspension ends by itself`() async throws {
    let world = try await IdentityWorld()
    let ada = try await world.register("ada@example.org")
    let suspend = SuspendMember(member: ada.user.id, until: .now + .seconds(1), reason: "spam")
    _ = try await world.ask(suspend, as: operatorCaller).get()
    try await world.wait("the event") {
      try await world.events(about: ada.user.id).last == "identity.member-restored"
    }
    try await world.wait("the end of the revocation") {
      world.revocations.values[Revocation.key(of: ada.user.id)] == nil
    }
    _ = try await world.login("ada@example.org").get()
    try await world.end()
  }

  @Test @Loop func `a ban ends all sign-ins for good`() async throws {
    let world = try await IdentityWorld()
    let ada = try await world.register("ada@example.org")
    guard case .member(_, _, let session) = try await ada.caller(world) else { return }
    _ = try await world.ask(SuspendMember(member: ada.user.id, until: nil, reason: "fraud"), as: operatorCaller).get()
    try await world.wait("the revocations") {
      world.revocations[Revocation.key(of: ada.user.id), as: Revocation.self]?.reason == .banned
        && world.revocations.values[Revocation.key(of: session)] != nil
    }
    #expect(try await world.login("ada@example.org").problem?.code == "account_banned")
    _ = try await world.ask(RestoreMember(member: ada.user.id), as: operatorCaller).get()
    #expect(try await world.ask(Refresh(refreshToken: ada.refreshToken)).problem?.code == "token_invalid")
    _ = try await world.login("ada@example.org").get()
    try await world.end()
  }
}
