import Contract
import EventLoop
import IdentityAPI
import Mesh

/// What the operator and moderation do to members.
extension IdentityService {
  func findMember(_ request: FindMember, _ context: Context, _ store: AccountStore) async throws -> FindMember.Reply {
    try Self.require(["operator", "moderation"], context)
    guard let account = try await store.find(request.email) else { throw StaffRefusal.notFound }
    let status = account.status.effective(now: context.now)
    var suspendedUntil: Timestamp?
    if case .suspended(let until, _) = status { suspendedUntil = until }
    var isBanned = false
    if case .banned = status { isBanned = true }
    return FindMember.Reply(
      member: account.id, role: account.role, emailVerified: account.emailVerifiedAt != nil,
      suspendedUntil: suspendedUntil, isBanned: isBanned)
  }

  /// Refuses weak passwords, and hashes the password.
  func prepareAppointStaff(_ request: AppointStaff, _ context: Context) async throws -> String {
    try Self.require(["operator"], context)
    try check(request.password, for: request.email)
    return try await passwords.hash(request.password)
  }

  func appointStaff(
    _ request: AppointStaff, passwordHash: String, _ context: Context, _ tx: Tx
  ) async throws -> AppointStaff.Reply {
    let store = AccountStore(tx)
    let new = Account(appointing: request, id: MemberID(at: tx.now), passwordHash: passwordHash, now: tx.now)
    if try await store.add(new, now: tx.now) {
      try tx.emit(
        MemberRegistered(
          member: new.id, firstName: new.firstName, lastName: new.lastName, referralCode: nil, email: new.email))
      try tx.emit(EmailVerified(member: new.id, email: new.email))
      return AppointStaff.Reply(member: new.id, isNew: true)
    }
    guard var account = try await store.load(request.email) else { throw StaffRefusal.notFound }
    account.appoint(request.role)
    try await store.save(account)
    return AppointStaff.Reply(member: account.id, isNew: false)
  }

  func suspendMember(_ request: SuspendMember, _ context: Context, _ tx: Tx) async throws -> Nothing {
    try Self.require(["operator", "moderation"], context)
    guard var account = try await AccountStore(tx).load(request.member) else { throw StaffRefusal.notFound }
    if let until = request.until {
      guard let event = account.suspend(until: until, reason: request.reason) else { return Nothing() }
      try tx.emit(event)
      try tx.share(Revocation(until: until, reason: .suspended), key: Revocation.key(of: account.id))
      try tx.schedule(SuspensionOver(member: account.id), at: until, key: account.id.description)
    } else {
      guard let event = account.ban(reason: request.reason) else { return Nothing() }
      try tx.emit(event)
      try tx.share(Revocation(until: .endOfTime, reason: .banned), key: Revocation.key(of: account.id))
      tx.cancel(SuspensionOver.self, key: account.id.description)
      for session in try await SessionStore(tx).loadOpen(of: account.id, now: tx.now) {
        try await end(session, .banned, tx)
      }
    }
    try await AccountStore(tx).save(account)
    return Nothing()
  }

  func restoreMember(_ request: RestoreMember, _ context: Context, _ tx: Tx) async throws -> Nothing {
    try Self.require(["operator", "moderation"], context)
    guard var account = try await AccountStore(tx).load(request.member) else { throw StaffRefusal.notFound }
    if let event = account.restore() {
      try await letIn(account, event, tx)
      tx.cancel(SuspensionOver.self, key: account.id.description)
    }
    return Nothing()
  }

  /// Stores a member who is let in again.
  func letIn(_ account: Account, _ event: MemberRestored, _ tx: Tx) async throws {
    try await AccountStore(tx).save(account)
    try tx.emit(event)
    tx.withdraw(Revocation.self, key: Revocation.key(of: account.id))
  }

  private static func require(_ services: [String], _ context: Context) throws {
    guard case .service(let name, _) = context.caller, services.contains(name) else { throw StaffRefusal.notAllowed }
  }
}

extension Timestamp {
  /// The last second that ISO 8601 can write with four digits for the year.
  static let endOfTime = Timestamp(microseconds: 253_402_300_799_000_000)
}
