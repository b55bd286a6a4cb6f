import Contract
import EventLoop
import IdentityAPI
import Mesh

/// How somebody becomes a member.
extension IdentityService {
  /// Refuses weak passwords, hasty attempts and known addresses, and hashes the password.
  ///
  /// Who tries a known address again and again is slowed down. Of one that is free there is nothing to find out, and
  /// copies of one registration must not slow one another down: all but the first learn that the address is taken.
  func prepareRegister(_ request: Register, _ context: Context) async throws -> String {
    try check(request.password, for: request.email)
    let isTaken = try await AccountStore(mesh.database).find(request.email) != nil
    try await admit(
      .register, on: isTaken ? request.email : nil, context, else: Register.Refusal.tooManyAttempts)
    if isTaken { throw Register.Refusal.emailTaken }
    return try await passwords.hash(request.password)
  }

  func register(_ request: Register, passwordHash: String, _ context: Context, _ tx: Tx) async throws -> SignedIn {
    let account = Account(registering: request, id: MemberID(at: tx.now), passwordHash: passwordHash)
    guard try await AccountStore(tx).add(account, now: tx.now) else { throw Register.Refusal.emailTaken }
    try await succeeded(.register, on: account.email, context, tx)
    try await MailStore(tx).add(.verifyEmail, to: account.id, now: tx.now)
    try tx.emit(
      MemberRegistered(
        member: account.id, firstName: account.firstName, lastName: account.lastName,
        referralCode: request.referralCode, email: account.email))
    return try await signIn(account, on: request.deviceName, context, tx)
  }

  /// Refuses a password that is too easy to guess.
  func check(_ password: NewPassword, for email: EmailAddress?) throws {
    do { try policy.check(password, for: email) } catch { throw error.problem }
  }
}
