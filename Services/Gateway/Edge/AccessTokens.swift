import Contract
import Crypto
import FoundationEssentials
import Mesh

/// What an access token says of its holder.
struct AccessClaims: TokenClaims, Equatable {
  static let issuer = "skillmesh"
  static let audience = "skillmesh"

  var iss = Self.issuer
  var aud = Self.audience
  var exp: Date
  var nbf: Date?
  var iat: Date
  /// The member.
  var sub: MemberID
  /// The sign-in.
  var sid: AuthSessionID
  var role: Role
}

/// Tells who asks by the access token that they send.
///
/// A signature is checked once (34 µs); then the token is known until it expires. What may change in the meantime is
/// looked at every time: the keys, which when they change empty the cache, and the revocations.
struct AccessTokens {
  private struct Known {
    let caller: Caller
    let expiry: Timestamp
  }

  private(set) var revocations = Revocations()
  private var keys: [String: VerifyingKey] = [:]
  private var verifier: TokenVerifier
  private var cache: TokenCache<Known>
  /// Tokens that were known, and such whose signature was checked.
  private(set) var hits = 0
  private(set) var misses = 0

  init(cacheCapacity: Int) {
    cache = TokenCache(capacity: cacheCapacity)
    verifier = Self.verifier([:])
  }

  /// The caller who holds `token`. Throws a rejection for a token that does not hold, or does not hold any more.
  mutating func caller(holding token: String, now: Timestamp) throws(Rejection) -> Caller {
    try known(token, now).caller
  }

  /// The same, with the time until which the token holds.
  mutating func signedIn(holding token: String, now: Timestamp) throws(Rejection) -> SignedIn {
    let known = try known(token, now)
    guard case .member(let member, let role, let session) = known.caller else { throw .notSignedIn }
    return SignedIn(member: member, role: role, session: session, expiry: known.expiry)
  }

  private mutating func known(_ token: String, _ now: Timestamp) throws(Rejection) -> Known {
    let known = try verified(token, now)
    if case .member(let member, _, let session) = known.caller,
      let reason = revocations.reason(member: member, session: session, now: now)
    {
      throw reason.rejection
    }
    return known
  }

  private mutating func verified(_ token: String, _ now: Timestamp) throws(Rejection) -> Known {
    if let known = cache[token] {
      guard now < known.expiry else {
        cache[token] = nil
        throw .invalidToken("token_expired", "The access token has expired; get a new one with the refresh token.")
      }
      hits += 1
      return known
    }
    misses += 1
    do throws(TokenError) {
      let date = Date(timeIntervalSince1970: Double(now.microseconds) / 1_000_000)
      let claims = try verifier.verify(token, as: AccessClaims.self, now: date)
      let caller = Caller.member(claims.sub, role: claims.role, session: claims.sid)
      // Held within what a time can be, since a token may name any number.
      let expiry = min(max(claims.exp.timeIntervalSince1970, 0), 253_402_300_799)
      let known = Known(caller: caller, expiry: Timestamp(microseconds: Int64(expiry * 1_000_000)))
      cache[token] = known
      return known
    } catch {
      switch error {
      case .expired:
        throw .invalidToken("token_expired", "The access token has expired; get a new one with the refresh token.")
      default: throw .invalidToken("token_invalid", "The access token is not valid here; sign in again.")
      }
    }
  }

  // MARK: What identity publishes

  /// Replaces or removes a verification key. Keys are known by the thumbprint of RFC 7638, which tokens carry as `kid`.
  mutating func setKey(_ key: VerifyingKey?, _ id: String) {
    guard keys[id] != key else { return }
    keys[id] = key
    verifier = Self.verifier(keys)
    cache.removeAll()
  }

  /// How many keys there are.
  var keyCount: Int { keys.count }

  /// Replaces or removes a revocation; see `Revocations`.
  mutating func setRevocation(_ revocation: Revocation?, of subject: String) {
    revocations.set(revocation, for: subject)
  }

  /// Forgets revocations that are over.
  mutating func purge(now: Timestamp) { revocations.purge(now: now) }

  private static func verifier(_ keys: [String: VerifyingKey]) -> TokenVerifier {
    TokenVerifier(
      keys: JSONWebKeySet(Array(keys.values.prefix(JSONWebKeySet.maximumCount))), issuer: AccessClaims.issuer,
      audience: AccessClaims.audience)
  }
}

extension Rejection {
  /// A 401 with the challenge of RFC 6750, section 3.
  static func invalidToken(_ code: String, _ detail: String) -> Rejection {
    Rejection(401, code, detail, headers: [("WWW-Authenticate", #"Bearer realm="skillmesh", error="invalid_token""#)])
  }

  /// A 401 for whoever sent no token.
  static var notSignedIn: Rejection {
    Rejection(
      401, "not_signed_in", "Sign in, and send the access token: Authorization: Bearer <accessToken>.",
      headers: [("WWW-Authenticate", #"Bearer realm="skillmesh""#)])
  }
}
