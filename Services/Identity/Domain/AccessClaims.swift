import Contract
import Crypto
import FoundationEssentials

/// What an access token says of its holder.
struct AccessClaims: TokenClaims, Equatable {
  static let issuer = "skillmesh"
  static let audience = "skillmesh"
  /// How long a token holds.
  static let life = Duration.seconds(15 * 60)
  /// For so long after a sign-in has ended its tokens have to be refused: their life, and what clocks may differ.
  static let longestUse = life + .seconds(60)

  let iss: String
  let aud: String
  let exp: Date
  let nbf: Date?
  let iat: Date
  /// The member.
  let sub: MemberID
  /// The sign-in.
  let sid: AuthSessionID
  let role: Role

  /// A token of `session` that is given out at the time `now`.
  init(member: MemberID, session: AuthSessionID, role: Role, now: Timestamp) {
    func date(_ time: Timestamp) -> Date { Date(timeIntervalSince1970: Double(time.microseconds / 1_000_000)) }
    (iss, aud, nbf) = (Self.issuer, Self.audience, nil)
    (iat, exp) = (date(now), date(now + Self.life))
    (sub, sid, self.role) = (member, session, role)
  }
}
