import Contract
import Crypto
import IdentityAPI

/// One sign-in on one device: a family of refresh tokens, of which the newest holds.
struct Session: Equatable {
  /// How long a refresh token holds.
  static let life = Duration.seconds(30 * 24 * 3600)
  /// For so long after an exchange the token before it may come back: the answer was lost, or two tabs refresh at once.
  static let grace = Duration.seconds(30)
  /// More sign-ins of one member end the one that was not used for the longest time.
  static let limit = 50

  let id: AuthSessionID
  let member: MemberID
  let deviceName: String?
  let signedInAt: Timestamp
  private(set) var currentDigest: [UInt8]
  private(set) var previousDigest: [UInt8]?
  private(set) var rotatedAt: Timestamp
  private(set) var end: End?

  /// How it ended.
  struct End: Equatable {
    let at: Timestamp
    let cause: SessionRevoked.Cause
  }

  /// A session as it was stored.
  init(
    id: AuthSessionID, member: MemberID, deviceName: String?, signedInAt: Timestamp, currentDigest: [UInt8],
    previousDigest: [UInt8]?, rotatedAt: Timestamp, end: End?
  ) {
    (self.id, self.member, self.deviceName, self.signedInAt) = (id, member, deviceName, signedInAt)
    (self.currentDigest, self.previousDigest, self.rotatedAt) = (currentDigest, previousDigest, rotatedAt)
    self.end = end
  }

  /// Begins with its first token.
  init(of member: MemberID, on deviceName: PersonName?, beginningWith token: RefreshToken, now: Timestamp) {
    self.init(
      id: token.session, member: member, deviceName: deviceName?.text, signedInAt: now, currentDigest: token.digest,
      previousDigest: nil, rotatedAt: now, end: nil)
  }

  /// From when on no token holds.
  var expiresAt: Timestamp { rotatedAt + Self.life }

  /// Whether its newest token holds.
  func isOpen(now: Timestamp) -> Bool { end == nil && now < expiresAt }

  /// Whether `token` is the current one, or the one before it.
  func holds(_ token: RefreshToken) -> Bool {
    constantTimeEqual(token.digest, currentDigest)
      || previousDigest.map { constantTimeEqual(token.digest, $0) } ?? false
  }

  /// What showing a token comes to.
  enum Use: Equatable {
    /// It was exchanged for the next one.
    case rotated
    /// It was exchanged a moment ago: the current one is to be given again.
    case repeated
    /// It was exchanged before, and somebody else has it too: the session has ended now.
    case reused(SessionRevoked)
    /// The session had ended, or its time is over.
    case over
  }

  /// Exchanges `token` for `next`, if it is the current one.
  mutating func use(_ token: RefreshToken, next: RefreshToken, now: Timestamp) -> Use {
    guard isOpen(now: now) else { return .over }
    if constantTimeEqual(token.digest, currentDigest) {
      (previousDigest, currentDigest, rotatedAt) = (currentDigest, next.digest, now)
      return .rotated
    }
    if let previousDigest, constantTimeEqual(token.digest, previousDigest), now < rotatedAt + Self.grace {
      return .repeated
    }
    return revoke(.tokenReused, now: now).map { .reused($0) } ?? .over
  }

  /// Ends it. Returns nil when it had ended.
  mutating func revoke(_ cause: SessionRevoked.Cause, now: Timestamp) -> SessionRevoked? {
    guard end == nil else { return nil }
    end = End(at: now, cause: cause)
    return SessionRevoked(member: member, session: id, cause: cause)
  }
}
