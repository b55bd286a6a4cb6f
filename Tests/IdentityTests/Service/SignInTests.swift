import Contract
import EventLoop
import Foundation
import IdentityAPI
import Mesh
import Postgres
import ServiceKit
import TestKit
import Testing

@testable import Identity

/// Members who register, sign in and out, against the built service over the broker.
@Suite(.timeLimit(.minutes(3))) struct SignInTests {
  @Test @Loop func `somebody registers, proves the address, and signs in`() async throws {
    let world = try await IdentityWorld()
    let new = try await world.register("Ada@Example.org")
    #expect(new.user.email.text == "ada@example.org")
    #expect((new.user.role, new.user.emailVerified, new.expiresIn) == (.member, false, 900))
    guard case .member(new.user.id, .member, _) = try await new.caller(world) else {
      Issue.record("the token names somebody else")
      return
    }
    #expect(try await world.ask(PublicKeys()).get().keys.count == 1)

    let token = try await world.mailedToken(to: "ada@example.org", about: "confirm")
    _ = try await world.ask(VerifyEmail(token: token)).get()
    let again = try await world.ask(VerifyEmail(token: token))
    #expect(again.problem?.status == 400 && again.problem?.code == "token_invalid")
    let signedIn = try await world.login("ada@example.org").get()
    #expect(signedIn.user == SignedIn.User(new.user, emailVerified: true))
    #expect(try await world.events(about: new.user.id) == ["identity.member-registered", "identity.email-verified"])
    try await world.end()
  }

  @Test @Loop func `a known address is refused, also when many register at once, and a repeated request is not`()
    async throws
  {
    let world = try await IdentityWorld()
    let request = try Register(registering: "ada@example.org", "correct battery horse")
    let tasks = (0..<8).map { _ in Task { @Loop in try await world.ask(request) } }
    var answers: [Result<SignedIn, Problem>] = []
    for task in tasks { answers.append(try await task.value) }
    #expect(answers.compactMap(\.problem).map(\.code) == Array(repeating: "email_taken", count: 7))
    #expect(answers.count { $0.problem == nil } == 1)
    for _ in 0..<5 { #expect(try await world.ask(request).problem?.status == 409) }
    #expect(try await world.ask(request).problem?.code == "too_many_attempts")

    let other = try Register(registering: "bob@example.org", "correct battery horse")
    let first = try await world.ask(other, key: "k1").get()
    let second = try await world.ask(other, key: "k1").get()
    #expect(first.refreshToken == second.refreshToken && first.user.id == second.user.id)
    let weak = try await world.ask(try Register(registering: "eve@example.org", "Password2024!"))
    #expect(weak.problem?.errors?.map(\.code) == ["too_common"])
    try await world.end()
  }

  @Test @Loop func `a wrong password and an unknown address are refused alike, by the same work`() async throws {
    let world = try await IdentityWorld()
    _ = try await world.register("ada@example.org")
    let before = try await world.counter("identity_passwords_verified_total")
    let wrong = try await world.login("ada@example.org", password: "wrong battery horse").problem
    #expect(try await world.counter("identity_passwords_verified_total") == before + 1)
    let unknown = try await world.login("nobody@example.org").problem
    #expect(try await world.counter("identity_passwords_verified_total") == before + 2)
    #expect(wrong == unknown)
    #expect((wrong?.status, wrong?.code) == (401, "invalid_credentials"))
    try await world.end()
  }

  @Test(arguments: ["ada@example.org", "nobody@example.org"])
  @Loop func `who tries too often has to wait, whether or not the address is known`(email: String) async throws {
    let world = try await IdentityWorld()
    _ = try await world.register("ada@example.org")
    for _ in 0..<5 { #expect(try await world.login(email, password: "wrong").problem?.status == 401) }
    let verified = try await world.counter("identity_passwords_verified_total")
    #expect(try await world.login(email).problem?.status == 429)
    #expect(try await world.counter("identity_passwords_verified_total") == verified)
    try await world.end()
  }

  @Test @Loop func `who guesses at many accounts has to wait, and no one else`() async throws {
    let world = try await IdentityWorld()
    _ = try await world.register("ada@example.org")
    let guesser = ClientDetails(address: "2001:db8::1"), neighbour = ClientDetails(address: "2001:db8::ffff:2")
    for number in 0..<19 {
      #expect(try await world.login("\(number)@example.org", client: guesser).problem?.status == 401)
    }
    // Success is no attempt.
    for _ in 0..<3 { _ = try await world.login("ada@example.org", client: neighbour).get() }
    #expect(try await world.login("19@example.org", client: neighbour).problem?.status == 401)
    #expect(try await world.login("ada@example.org", client: guesser).problem?.status == 429)
    _ = try await world.login("ada@example.org", client: ClientDetails(address: "2001:db8:0:1::1")).get()
    try await world.end()
  }

  @Test @Loop func `an answer that is asked for again counts as no attempt`() async throws {
    let world = try await IdentityWorld()
    let request = try Register(registering: "ada@example.org", "correct battery horse")
    for _ in 0..<8 { _ = try await world.ask(request, key: "k").get() }
    let login = Login(email: request.email, password: "wrong")
    for _ in 0..<4 { #expect(try await world.ask(login).problem?.status == 401) }
    for _ in 0..<8 { _ = try await world.ask(request, key: "k").get() }
    #expect(try await world.ask(login).problem?.status == 401)
    #expect(try await world.ask(login).problem?.status == 429)
    try await world.end()
  }

  @Test @Loop func `refresh tokens rotate; one from before gives the same again; an old one ends the sign-in`()
    async throws
  {
    let world = try await IdentityWorld()
    let signedIn = try await world.register("ada@example.org")
    guard case .member(_, _, let session) = try await signedIn.caller(world) else { return }
    let second = try await world.ask(Refresh(refreshToken: signedIn.refreshToken)).get()
    #expect(second.refreshToken != signedIn.refreshToken)
    let repeated = try await world.ask(Refresh(refreshToken: signedIn.refreshToken)).get()
    #expect(repeated.refreshToken == second.refreshToken)
    let third = try await world.ask(Refresh(refreshToken: second.refreshToken)).get()

    let stolen = try await world.ask(Refresh(refreshToken: signedIn.refreshToken))
    #expect((stolen.problem?.status, stolen.problem?.code) == (401, "token_invalid"))
    #expect(try await world.ask(Refresh(refreshToken: third.refreshToken)).problem?.status == 401)
    let key = Revocation.key(of: session)
    try await world.wait("the revocation") { world.revocations[key, as: Revocation.self]?.reason == .revoked }
    #expect(
      try await world.events(about: signedIn.user.id) == ["identity.member-registered", "identity.session-revoked"])
    for garbage in ["", "x", String(repeating: "A", count: 64), signedIn.accessToken] {
      #expect(try await world.ask(Refresh(refreshToken: garbage)).problem?.status == 401)
    }
    try await world.end()
  }

  @Test @Loop func `devices are listed and revoked by their owner`() async throws {
    let world = try await IdentityWorld()
    let ada = try await world.register("ada@example.org")
    let phone = try await world.ask(
      Login(
        email: ada.user.email, password: "correct battery horse", totp: "000000", deviceName: try PersonName("Phone"))
    ).get()
    let bob = try await world.register("bob@example.org")
    let (here, there) = (try await ada.caller(world), try await phone.caller(world))
    let script = try await world.login("bob@example.org", client: ClientDetails(address: "::1", userAgent: "curl/8"))
    let scripts = try await world.ask(Devices(), as: script.get().caller(world)).get().items
    #expect(scripts.map(\.name) == ["curl", nil])
    let devices = try await world.ask(Devices(), as: here).get().items
    #expect(devices.map(\.name) == ["Phone", nil])
    #expect(devices.map(\.isCurrent) == [false, true])
    guard case .member(_, _, let session) = there else { return }
    let path: PathValues = ["id": session.description]
    let revoke = RevokeDevice(id: session)
    #expect(try await world.ask(revoke, as: bob.caller(world), path: path).problem?.status == 404)
    _ = try await world.ask(revoke, as: here, path: path).get()
    #expect(try await world.ask(revoke, as: here, path: path).problem?.status == 404)
    #expect(try await world.ask(Refresh(refreshToken: phone.refreshToken)).problem?.status == 401)
    #expect(try await world.ask(Devices(), as: here).get().items.map(\.name) == [nil])
    try await world.wait("the revocation") { world.revocations.values[Revocation.key(of: session)] != nil }

    _ = try await world.ask(Logout(refreshToken: ada.refreshToken)).get()
    _ = try await world.ask(Logout(refreshToken: "never a token")).get()
    #expect(try await world.ask(Refresh(refreshToken: ada.refreshToken)).problem?.status == 401)
    try await world.end()
  }

  @Test @Loop func `a reset password ends all sign-ins, and its link works once`() async throws {
    let world = try await IdentityWorld()
    let ada = try await world.register("ada@example.org")
    guard case .member(_, _, let session) = try await ada.caller(world) else { return }
    _ = try await world.ask(ForgotPassword(email: EmailAddress("nobody@example.org")!)).get()
    _ = try await world.ask(ForgotPassword(email: ada.user.email)).get()
    let token = try await world.mailedToken(to: "ada@example.org", about: "password")
    let weak = try await world.ask(ResetPassword(token: token, password: try NewPassword("password2024")))
    #expect(weak.problem?.status == 422)
    let reset = ResetPassword(token: token, password: try NewPassword("another battery horse"))
    _ = try await world.ask(reset).get()
    #expect(try await world.ask(reset).problem?.status == 400)
    #expect(try await world.login("ada@example.org").problem?.status == 401)
    #expect(try await world.login("ada@example.org", password: "another battery horse").get().user.emailVerified)
    #expect(try await world.ask(Refresh(refreshToken: ada.refreshToken)).problem?.status == 401)
    let key = Revocation.key(of: session)
    try await world.wait("the revocation") { world.revocations[key, as: Revocation.self]?.reason == .reset }
    let mailbox = try await world.ask(DevelopmentMailbox(), query: "to=nobody@example.org").get()
    #expect(mailbox.items == [])
    try await world.end()
  }

  @Test @Loop func `an imported bcrypt hash signs in, and is made anew`() async throws {
    let world = try await IdentityWorld()
    // From the test suite of crypt_blowfish 1.3.
    try await world.database.query(
      """
      insert into members (id, email, first_name, last_name, role, password_hash, registered_at)
      values (\(MemberID(at: .now)), 'old@example.org', 'Old', 'Hand', 'member',
        '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW', now())
      """)
    #expect(try await world.login("old@example.org", password: "wrong").problem?.status == 401)
    for _ in 0..<2 {
      #expect(try await world.login("old@example.org", password: "U*U").get().user.firstName.text == "Old")
    }
    let hash: String = try await world.database.query("select password_hash from members")[0].decode(column: 0)
    #expect(hash.hasPrefix("$argon2id$"))
    try await world.end()
  }
}

extension SignedIn.User {
  init(_ user: SignedIn.User, emailVerified: Bool) {
    self.init(
      id: user.id, email: user.email, firstName: user.firstName, lastName: user.lastName, role: user.role,
      emailVerified: emailVerified)
  }
}
