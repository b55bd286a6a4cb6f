import Contract
import EventLoop
import IdentityAPI
import Mesh

/// What members do with the tokens that are mailed to them.
extension IdentityService {
  func verifyEmail(_ request: VerifyEmail, _ context: Context, _ tx: Tx) async throws -> Nothing {
    var account = try await takeToken(request.token, for: .verifyEmail, tx)
    if let event = account.verifyEmail(now: tx.now) {
      try await AccountStore(tx).save(account)
      try tx.emit(event)
    }
    return Nothing()
  }

  func resendVerification(_ request: ResendVerification, _ context: Context, _ tx: Tx) async throws -> Nothing {
    if let account = try await AccountStore(tx).find(context.member), account.emailVerifiedAt == nil {
      try await MailStore(tx).add(.verifyEmail, to: account.id, now: tx.now)
    }
    return Nothing()
  }

  /// Whether another mail may be sent. Whoever asks is not told.
  func prepareForgotPassword(_ request: ForgotPassword, _ context: Context) async throws -> Bool {
    let account = AttemptStore.Subject.account(.forgotPassword, request.email)
    return try await AttemptStore.admit([account], now: context.now, in: mesh.database) == nil
  }

  func forgotPassword(
    _ request: ForgotPassword, isAdmitted: Bool, _ context: Context, _ tx: Tx
  ) async throws -> Nothing {
    if isAdmitted { try await MailStore(tx).add(.resetPassword, to: request.email, now: tx.now) }
    return Nothing()
  }

  /// Refuses weak passwords, and hashes the password.
  func prepareResetPassword(_ request: ResetPassword, _ context: Context) async throws -> String {
    try check(request.password, for: nil)
    return try await passwords.hash(request.password)
  }

  /// Whoever had the old password is signed out everywhere.
  func resetPassword(
    _ request: ResetPassword, passwordHash: String, _ context: Context, _ tx: Tx
  ) async throws -> Nothing {
    var account = try await takeToken(request.token, for: .resetPassword, tx)
    try check(request.password, for: account.email)
    account.changePassword(to: passwordHash)
    if let event = account.verifyEmail(now: tx.now) { try tx.emit(event) }
    try await AccountStore(tx).save(account)
    for session in try await SessionStore(tx).loadOpen(of: account.id, now: tx.now) {
      try await end(session, .passwordReset, tx)
    }
    try await OneTimeTokenStore(tx).removeAll(of: account.id)
    for purpose in [AttemptGuard.Purpose.signIn, .forgotPassword] {
      try await AttemptStore(tx).forget(.account(purpose, account.email))
    }
    return Nothing()
  }

  /// Uses a token up, and loads the member to whom it was mailed.
  private func takeToken(_ text: String, for purpose: OneTimeToken.Purpose, _ tx: Tx) async throws -> Account {
    guard let token = OneTimeToken(text),
      let member = try await OneTimeTokenStore(tx).take(token, for: purpose, now: tx.now),
      let account = try await AccountStore(tx).load(member)
    else { throw TokenRefusal.invalidToken }
    return account
  }
}
