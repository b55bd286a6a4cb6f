import Contract
import Crypto
import EventLoop
import IdentityAPI
import Mesh
import Telemetry

/// Identity: who members are, how they prove it, and whether they are let in. This page is all that it does; how is in
/// `Handlers/`, by the same names.
@Loop struct IdentityService {
  let mesh: MeshService
  let options: IdentityOptions
  let passwords: Passwords
  let policy = PasswordPolicy(commonWords: String(decoding: PackageResources.common_passwords_txt, as: UTF8.self))
  let tokens: AccessTokens
  /// Seals refresh tokens that may have to be given again.
  let ring: KeyRing

  init(_ mesh: MeshService, _ options: IdentityOptions) throws {
    (self.mesh, self.options) = (mesh, options)
    passwords = try Passwords(
      cost: Password.Cost(passes: 2, memory: options.passwordCost.bytes), threads: options.passwordThreads,
      metrics: mesh.metrics)
    let schedule = KeySchedule(period: options.keyPeriod, lead: options.keyLead)
    tokens = AccessTokens(schedule, ring: mesh.storageKeys, log: mesh.log)
    ring = mesh.storageKeys
  }

  /// Says what the service does, and has it ready to do it.
  func start() async throws {
    mesh.publishes(
      MemberRegistered.self, EmailVerified.self, MemberSuspended.self, MemberBanned.self, MemberRestored.self,
      SessionRevoked.self)
    mesh.shares(PublishedKey.self, Revocation.self)

    mesh.write(Register.self, preparing: prepareRegister, register)
    mesh.write(Login.self, preparing: prepareLogin, login)
    mesh.write(Refresh.self, refresh)
    mesh.write(Logout.self, logout)
    mesh.read(Devices.self) { _, context, database in try await devices(context, SessionStore(database)) }
    mesh.write(RevokeDevice.self, revokeDevice)
    mesh.answer(PublicKeys.self) { _, _ in PublicKeys.Reply(keys: tokens.publicKeys) }

    mesh.write(VerifyEmail.self, verifyEmail)
    mesh.write(ResendVerification.self, resendVerification)
    mesh.write(ForgotPassword.self, preparing: prepareForgotPassword, forgotPassword)
    mesh.write(ResetPassword.self, preparing: prepareResetPassword, resetPassword)

    mesh.read(FindMember.self) { request, context, database in
      try await findMember(request, context, AccountStore(database))
    }
    mesh.write(AppointStaff.self, preparing: prepareAppointStaff, appointStaff)
    mesh.write(SuspendMember.self, suspendMember)
    mesh.write(RestoreMember.self, restoreMember)

    mesh.fire(SuspensionOver.self, suspensionOver)
    mesh.fire(RevocationOver.self, revocationOver)
    mesh.fire(KeysDue.self, keysDue)
    mesh.fire(TidyingDue.self, tidyingDue)

    if options.development {
      mesh.read(DevelopmentMailbox.self) { request, _, database in
        DevelopmentMailbox.Reply(items: try await DevelopmentMailStore(database).newest(to: request.to))
      }
    }

    try await mesh.transaction { tx in
      try await keysDue(KeysDue(), tx)
      try await tidyingDue(TidyingDue(), tx)
    }
    try await tokens.reload(from: SigningKeyStore(mesh.database))
    tokens.keepReloading(from: SigningKeyStore(mesh.database))
    MailSender(
      MailStore(mesh.database), OneTimeTokenStore(mesh.database), mailer, publicURL: options.publicURL, log: mesh.log,
      metrics: mesh.metrics
    ).start()
  }
}
