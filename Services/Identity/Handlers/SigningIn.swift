import Contract
import Crypto
import EventLoop
import IdentityAPI
import Mesh

/// How members get tokens, and lose them.
extension IdentityService {
  /// A password that was right when it was looked at.
  struct VerifiedPassword {
    let member: MemberID
    /// The hash that it was compared with.
    let hash: String
    /// The hash to keep instead, if that one is outdated.
    let newHash: String?
  }

  /// Verifies the password; for an address that nobody has, in the same steps.
  func prepareLogin(_ request: Login, _ context: Context) async throws -> VerifiedPassword {
    try await admit(.signIn, on: request.email, context, else: SignInRefusal.tooManyAttempts)
    let account = try await AccountStore(mesh.database).find(request.email)
    let verdict = try await passwords.verify(request.password, against: account?.passwordHash)
    guard let account, verdict.isRight else { throw SignInRefusal.invalidCredentials }
    return VerifiedPassword(member: account.id, hash: account.passwordHash, newHash: verdict.newHash)
  }

  func login(_ request: Login, verified: VerifiedPassword, _ context: Context, _ tx: Tx) async throws -> SignedIn {
    // The password may have been reset since it was verified.
    guard var account = try await AccountStore(tx).load(verified.member), account.passwordHash == verified.hash else {
      throw SignInRefusal.invalidCredentials
    }
    do { try account.mayEnter(now: tx.now) } catch {
      throw error == .banned ? SignInRefusal.accountBanned : .accountSuspended
    }
    if let newHash = verified.newHash {
      account.changePassword(to: newHash)
      try await AccountStore(tx).save(account)
    }
    try await succeeded(.signIn, on: account.email, context, tx)
    return try await signIn(account, on: request.deviceName, context, tx)
  }

  /// Begins a session with its tokens. Where there are too many, it ends those that were not used for the longest time.
  func signIn(
    _ account: Account, on deviceName: PersonName?, _ context: Context, _ tx: Tx
  ) async throws -> SignedIn {
    let sessions = SessionStore(tx)
    for crowded in try await sessions.loadOpen(of: account.id, now: tx.now).dropFirst(Session.limit - 1) {
      try await end(crowded, .crowdedOut, tx)
    }
    let token = RefreshToken(of: AuthSessionID(at: tx.now))
    let deviceName = deviceName ?? context.client.flatMap { DeviceName.guess(from: $0.userAgent) }
    let session = Session(of: account.id, on: deviceName, beginningWith: token, now: tx.now)
    try await sessions.add(session, sealedToken: seal(token))
    return SignedIn(user: account.user, tokens: try tokens(of: account, session, refreshToken: token.text, tx))
  }

  func refresh(_ request: Refresh, _ context: Context, _ tx: Tx) async throws -> Tokens {
    let sessions = SessionStore(tx)
    guard let token = RefreshToken(request.refreshToken), let found = try await sessions.load(token.session),
      let account = try await AccountStore(tx).find(found.session.member)
    else { throw Refresh.Refusal.invalidToken }
    var session = found.session
    let next = RefreshToken(of: session.id)
    let use = session.use(token, next: next, now: tx.now)
    if case .reused(let event) = use {
      try await ended(session, event, tx)
      throw CommittedRefusal(Refresh.Refusal.invalidToken)
    }
    do { try account.mayEnter(now: tx.now) } catch {
      throw error == .banned ? Refresh.Refusal.accountBanned : .accountSuspended
    }
    switch use {
    case .rotated:
      try await sessions.save(session, sealedToken: seal(next))
      return try tokens(of: account, session, refreshToken: next.text, tx)
    case .repeated:
      let current = try ring.open(found.sealedToken, context: Self.context(of: session.id))
      return try tokens(of: account, session, refreshToken: String(decoding: current, as: UTF8.self), tx)
    case .over, .reused:
      throw Refresh.Refusal.invalidToken
    }
  }

  func logout(_ request: Logout, _ context: Context, _ tx: Tx) async throws -> Nothing {
    if let token = RefreshToken(request.refreshToken), let found = try await SessionStore(tx).load(token.session),
      found.session.holds(token)
    {
      try await end(found.session, .signedOut, tx)
    }
    return Nothing()
  }

  func devices(_ context: Context, _ store: SessionStore) async throws -> Devices.Reply {
    let sessions = try await store.open(of: context.member, now: context.now)
    var current: AuthSessionID?
    if case .member(_, _, let session) = context.caller { current = session }
    return Devices.Reply(
      items: sessions.map { session in
        Devices.Device(
          id: session.id, name: session.deviceName, signedInAt: session.signedInAt, lastUsedAt: session.rotatedAt,
          isCurrent: session.id == current)
      })
  }

  func revokeDevice(_ request: RevokeDevice, _ context: Context, _ tx: Tx) async throws -> Nothing {
    let member = try context.member
    guard let found = try await SessionStore(tx).load(request.id), found.session.member == member,
      found.session.isOpen(now: tx.now)
    else { throw RevokeDevice.Refusal.notFound }
    try await end(found.session, .signedOut, tx)
    return Nothing()
  }

  // MARK: What these have in common

  /// Ends a session that was loaded.
  func end(_ session: Session, _ cause: SessionRevoked.Cause, _ tx: Tx) async throws {
    var session = session
    if let event = session.revoke(cause, now: tx.now) { try await ended(session, event, tx) }
  }

  /// A session has ended: its refresh tokens do not hold any more, and its access tokens are refused until they expire.
  private func ended(_ session: Session, _ event: SessionRevoked, _ tx: Tx) async throws {
    try await SessionStore(tx).saveEnd(of: session)
    try tx.emit(event)
    let until = tx.now + AccessClaims.longestUse
    let key = Revocation.key(of: session.id)
    try tx.share(Revocation(until: until, reason: event.cause == .passwordReset ? .reset : .revoked), key: key)
    try tx.schedule(RevocationOver(key: key), at: until, key: key)
  }

  private func tokens(of account: Account, _ session: Session, refreshToken: String, _ tx: Tx) throws -> Tokens {
    let accessToken = try tokens.mint(member: account.id, session: session.id, role: account.role, now: tx.now)
    return Tokens(
      accessToken: accessToken, refreshToken: refreshToken, expiresIn: Int(AccessClaims.life.components.seconds))
  }

  private func seal(_ token: RefreshToken) -> [UInt8] {
    ring.seal(token.text.utf8, context: Self.context(of: token.session))
  }

  private static func context(of session: AuthSessionID) -> [UInt8] { Array("refresh token \(session)".utf8) }
}
