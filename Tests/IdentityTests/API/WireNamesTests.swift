import Contract
import IdentityAPI
import ServiceKit
import Testing

/// What clients and other services rely on: a line here is never changed, only added.
@Suite struct WireNamesTests {
  @Test func `endpoints keep their names, places and fields`() throws {
    let lines = [
      try line(Register.self), try line(Login.self), try line(Refresh.self), try line(Logout.self),
      try line(VerifyEmail.self), try line(ResendVerification.self), try line(ForgotPassword.self),
      try line(ResetPassword.self), try line(Devices.self), try line(RevokeDevice.self), try line(PublicKeys.self),
      try line(DevelopmentMailbox.self), try line(FindMember.self), try line(AppointStaff.self),
      try line(SuspendMember.self), try line(RestoreMember.self),
    ]
    #expect(
      lines == [
        "identity.register | POST /api/v1/auth/register anyone sensitive | email password firstName lastName referralCode? deviceName? | 201",
        "identity.login | POST /api/v1/auth/login anyone sensitive | email password totp? deviceName? | 200",
        "identity.refresh | POST /api/v1/auth/refresh anyone sensitive | refreshToken | 200",
        "identity.logout | POST /api/v1/auth/logout anyone standard | refreshToken | 204",
        "identity.verify-email | POST /api/v1/auth/verify-email anyone sensitive | token | 204",
        "identity.resend-verification | POST /api/v1/auth/verify-email/resend member sensitive |  | 204",
        "identity.forgot-password | POST /api/v1/auth/password/forgot anyone sensitive | email | 204",
        "identity.reset-password | POST /api/v1/auth/password/reset anyone sensitive | token password | 204",
        "identity.devices | GET /api/v1/me/devices member standard |  | 200",
        "identity.revoke-device | DELETE /api/v1/me/devices/{id} member standard | id | 204",
        "identity.public-keys | GET /.well-known/jwks.json anyone standard |  | 200",
        "identity.development-mailbox | GET /dev/mailbox anyone standard | to? | 200",
        "identity.find-member | mesh | email | 200",
        "identity.appoint-staff | mesh | email password firstName lastName role | 200",
        "identity.suspend-member | mesh | member until? reason | 204",
        "identity.restore-member | mesh | member | 204",
      ])
  }

  @Test func `replies keep the fields that clients read`() throws {
    #expect(
      try Schema(of: SignedIn.self).properties.map(\.name) == ["user", "accessToken", "refreshToken", "expiresIn"])
    #expect(
      try Schema(of: SignedIn.User.self).properties.map(\.name)
        == ["id", "email", "firstName", "lastName", "role", "emailVerified"])
    #expect(
      try Schema(of: DevelopmentMailbox.Mail.self).properties.map(\.name) == [
        "to", "subject", "text", "token", "sentAt",
      ])
  }

  @Test func `events keep their names and fields`() throws {
    let lines = [
      try line(event: MemberRegistered.self), try line(event: EmailVerified.self),
      try line(event: MemberSuspended.self),
      try line(event: MemberBanned.self), try line(event: MemberRestored.self), try line(event: SessionRevoked.self),
    ]
    #expect(
      lines == [
        "identity.member-registered | member firstName lastName referralCode? email?",
        "identity.email-verified | member email",
        "identity.member-suspended | member until reason", "identity.member-banned | member reason",
        "identity.member-restored | member", "identity.session-revoked | member session cause",
      ])
    #expect([Revocation.topic, PublishedKey.topic] == ["identity.revocations", "identity.keys"])
  }
}
