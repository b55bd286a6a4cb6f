import Contract
import EventLoop
import IdentityAPI
import Mesh
import Postgres
import TestKit
import Testing

@testable import Identity

@Suite struct StoreTests {
  let now = Timestamp("2026-03-01T12:00:00.123456Z")!

  @Loop private func open() async throws -> Database {
    let url = try await PostgresServer.shared().freshURL()
    let database = Database(.init(url: url, applicationName: "tests"))
    try await database.migrate(Migrations.all)
    return database
  }

  private func account(_ email: String = "ada@example.org") throws -> Account {
    let request = Register(
      email: EmailAddress(email)!, password: try NewPassword("correct battery"), firstName: try PersonName("Ada"),
      lastName: try PersonName("Lovelace"))
    return Account(registering: request, id: MemberID(at: .now), passwordHash: "hash")
  }

  @Test @Loop func `a member comes back as they were stored`() async throws {
    let database = try await open()
    defer { database.close() }
    let store = AccountStore(database)
    var account = try account()
    #expect(try await store.add(account, now: now))
    #expect(try await store.find(account.email) == account)
    #expect(try await store.find(account.id) == account)
    #expect(try await store.find(EmailAddress("other@example.org")!) == nil)
    let changes: [(inout Account) -> Void] = [
      { $0.changePassword(to: "another") }, { $0.appoint(.moderator) }, { _ = $0.verifyEmail(now: self.now) },
      { _ = $0.suspend(until: self.now + .seconds(60), reason: "spam") }, { _ = $0.ban(reason: "fraud") },
      { _ = $0.restore() },
    ]
    for change in changes {
      change(&account)
      try await store.save(account)
      #expect(try await store.load(account.id) == account)
    }
  }

  @Test @Loop func `of two who register with one address at once, one is added`() async throws {
    let database = try await open()
    defer { database.close() }
    let accounts = try (0..<8).map { _ in try account() }
    let tasks = accounts.map { account in Task { @Loop in try await AccountStore(database).add(account, now: now) } }
    var added = 0
    for task in tasks where try await task.value { added += 1 }
    #expect(added == 1)
  }

  @Test @Loop func `a session comes back as it was stored`() async throws {
    let database = try await open()
    defer { database.close() }
    let member = try account()
    _ = try await AccountStore(database).add(member, now: now)
    let token = RefreshToken(of: AuthSessionID(at: now))
    let (store, next) = (SessionStore(database), RefreshToken(of: token.session))
    var session = Session(of: member.id, on: try PersonName("Phone"), beginningWith: token, now: now)
    try await store.add(session, sealedToken: [1, 2])
    #expect(try await store.load(session.id)?.session == session)
    #expect(try await store.load(session.id)?.sealedToken == [1, 2])
    #expect(session.use(token, next: next, now: now + .seconds(1)) == .rotated)
    try await store.save(session, sealedToken: [3])
    #expect(try await store.load(session.id)?.session == session)
    #expect(try await store.open(of: member.id, now: now) == [session])
    _ = session.revoke(.signedOut, now: now + .seconds(2))
    try await store.saveEnd(of: session)
    #expect(try await store.load(session.id)?.session == session)
    #expect(try await store.loadOpen(of: member.id, now: now) == [])
    #expect(try await store.removeOld(now: now + Session.life) == 0)
    #expect(try await store.removeOld(now: now + Session.life + .seconds(2)) == 1)
  }

  @Test @Loop func `a mailed token is used once, in its time, for its purpose`() async throws {
    let database = try await open()
    defer { database.close() }
    let member = try account()
    _ = try await AccountStore(database).add(member, now: now)
    let store = OneTimeTokenStore(database)
    let (first, second) = (OneTimeToken(), OneTimeToken())
    try await store.replace(with: first, for: .verifyEmail, of: member.id, now: now)
    #expect(try await store.take(first, for: .resetPassword, now: now) == nil)
    #expect(try await store.take(first, for: .verifyEmail, now: now) == member.id)
    #expect(try await store.take(first, for: .verifyEmail, now: now) == nil)
    try await store.replace(with: first, for: .resetPassword, of: member.id, now: now)
    try await store.replace(with: second, for: .resetPassword, of: member.id, now: now)
    #expect(try await store.take(first, for: .resetPassword, now: now) == nil)
    #expect(try await store.take(second, for: .resetPassword, now: now + .seconds(3600)) == nil)
    try await store.replace(with: second, for: .resetPassword, of: member.id, now: now)
    #expect(try await store.removeOld(now: now + .seconds(3601)) == 1)
  }

  @Test @Loop func `attempts at once are counted one by one`() async throws {
    let database = try await open()
    defer { database.close() }
    let email = EmailAddress("ada@example.org")!
    let signIn = AttemptStore.Subject.account(.signIn, email)
    let tasks = (0..<20).map { _ in
      Task { @Loop in try await AttemptStore.admit([signIn], now: now, in: database) }
    }
    var admitted = 0
    for task in tasks where try await task.value == nil { admitted += 1 }
    #expect(admitted == 5)
    #expect(try await AttemptStore.admit([signIn], now: now, in: database) == .seconds(1))
    #expect(try await AttemptStore.admit([.account(.register, email)], now: now, in: database) == nil)
    try await AttemptStore(database).forget(signIn)
    #expect(try await AttemptStore.admit([signIn], now: now, in: database) == nil)
    #expect(try await AttemptStore(database).removeOld(now: now + .seconds(86_401)) == 2)
  }

  @Test @Loop func `an attempt counts on all of its subjects, or on none`() async throws {
    let database = try await open()
    defer { database.close() }
    let network = ClientNetwork(of: "192.0.2.1")
    func attempt(_ number: Int) async throws -> Duration? {
      let account = AttemptStore.Subject.account(.signIn, EmailAddress("\(number)@example.org")!)
      return try await AttemptStore.admit([account, .client(.signIn, network)], now: now, in: database)
    }
    for number in 0..<20 { #expect(try await attempt(number) == nil) }
    #expect(try await attempt(20) == .seconds(1))
    try await AttemptStore(database).takeBack(.client(.signIn, network))
    // The account that was refused with its client has all of its attempts left.
    for _ in 0..<5 {
      #expect(try await attempt(20) == nil)
      try await AttemptStore(database).takeBack(.client(.signIn, network))
    }
    #expect(try await attempt(20) == .seconds(1))
    #expect(try await attempt(21) == nil)
  }

  @Test @Loop func `mail is taken by one, and again when its lease is over`() async throws {
    let database = try await open()
    defer { database.close() }
    let member = try account()
    _ = try await AccountStore(database).add(member, now: now)
    let store = MailStore(database)
    try await store.add(.resetPassword, to: EmailAddress("other@example.org")!, now: now)
    try await store.add(.resetPassword, to: member.email, now: now)
    try await store.add(.resetPassword, to: member.email, now: now)
    let lease = Duration.seconds(10)
    let mail = try #require(try await store.take(atMost: 5, lease: lease, now: now).first)
    #expect((mail.member, mail.purpose, mail.attempts, mail.email) == (member.id, .resetPassword, 1, member.email))
    #expect(try await store.take(atMost: 5, lease: lease, now: now + .seconds(9)) == [])
    #expect(try await store.take(atMost: 5, lease: lease, now: now + lease).map(\.attempts) == [2])
    try await store.putOff(mail, until: now + .seconds(60))
    #expect(try await store.take(atMost: 5, lease: lease, now: now + .seconds(59)) == [])
    try await store.giveUp(mail, because: "no such mailbox")
    #expect(try await store.take(atMost: 5, lease: lease, now: now + .seconds(3600)) == [])
    try await store.add(.resetPassword, to: member.id, now: now)
    #expect(try await store.take(atMost: 5, lease: lease, now: now).map(\.attempts) == [1])
    try await store.remove(mail)
    #expect(try await store.take(atMost: 5, lease: lease, now: now + .seconds(3600)) == [])
  }

  @Test @Loop func `development mail is found by recipient, newest first`() async throws {
    let database = try await open()
    defer { database.close() }
    let store = DevelopmentMailStore(database)
    func mail(_ to: String, _ subject: String, _ sentAt: Timestamp) -> DevelopmentMailbox.Mail {
      DevelopmentMailbox.Mail(to: EmailAddress(to)!, subject: subject, text: "", token: "", sentAt: sentAt)
    }
    let mails = [
      mail("a@example.org", "1", now), mail("b@example.org", "2", now), mail("a@example.org", "3", now + .seconds(1)),
    ]
    for mail in mails { try await store.add(mail) }
    #expect(try await store.newest(to: nil) == mails.reversed())
    #expect(try await store.newest(to: EmailAddress("a@example.org")!).map(\.subject) == ["3", "1"])
    try await store.add(mail("b@example.org", "4", now + .seconds(2 * 86_400)))
    #expect(try await store.newest(to: nil).map(\.subject) == ["4"])
  }
}
