import Contract

/// Why and until when a sign-in, or a member with all sign-ins, is refused.
struct Revocation: Decodable, Equatable {
  /// Why.
  enum Reason: String, Decodable {
    /// The member is suspended for some time, or banned for good.
    case suspended, banned
    /// The sign-in was ended: by sign-out, by its owner from another device, or since its refresh token was stolen.
    case revoked
    /// The password was reset.
    case reset
  }

  /// From then on nothing is refused any more: no access token from before can still hold.
  let until: Timestamp
  let reason: Reason
}

/// The sign-ins and members whose access tokens are refused though they have not expired.
struct Revocations {
  private var sessions: [AuthSessionID: Revocation] = [:]
  private var members: [MemberID: Revocation] = [:]

  var count: Int { sessions.count + members.count }

  /// Why the tokens of this sign-in are refused; nil when they are not.
  func reason(member: MemberID, session: AuthSessionID, now: Timestamp) -> Revocation.Reason? {
    if let revocation = members[member], now < revocation.until { return revocation.reason }
    if let revocation = sessions[session], now < revocation.until { return revocation.reason }
    return nil
  }

  /// Replaces the revocation of `subject` (`session:<id>` or `member:<id>`), or removes it. Anything else is ignored.
  mutating func set(_ revocation: Revocation?, for subject: String) {
    let parts = subject.split(separator: ":", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return }
    switch parts[0] {
    case "session": if let id = AuthSessionID(parts[1]) { sessions[id] = revocation }
    case "member": if let id = MemberID(parts[1]) { members[id] = revocation }
    default: break
    }
  }

  /// Forgets what is over.
  mutating func purge(now: Timestamp) {
    sessions = sessions.filter { now < $0.value.until }
    members = members.filter { now < $0.value.until }
  }
}

extension Revocation.Reason {
  /// What the holder of a refused token is told. A new sign-in helps against 401, not against 403.
  var rejection: Rejection {
    switch self {
    case .suspended: Rejection(403, "account_suspended", "This account is suspended.")
    case .banned: Rejection(403, "account_banned", "This account is banned.")
    case .revoked, .reset: .invalidToken("session_revoked", "This sign-in was ended; sign in again.")
    }
  }
}
