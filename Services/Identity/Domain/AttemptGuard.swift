import Contract

/// Slows down whoever tries something again and again on one account: the first few attempts are free, each further one
/// has to wait twice as long as the one before.
///
/// Each attempt counts when it begins, so that many at once are slowed down too; success forgets them all.
struct AttemptGuard: Equatable {
  /// What is tried; each has a count of its own.
  enum Purpose: String {
    case signIn = "sign-in"
    case register
    case forgotPassword = "forgot-password"
  }

  /// Attempts that need not wait.
  static let free = 5
  /// The longest that one has to wait, so that nobody is locked out by others for good.
  static let longestWait = Duration.seconds(15 * 60)
  /// After so long without an attempt all are forgotten.
  static let memory = Duration.seconds(24 * 3600)

  private(set) var attempts: Int
  private(set) var lastAt: Timestamp

  /// What was stored.
  init(attempts: Int, lastAt: Timestamp) { (self.attempts, self.lastAt) = (attempts, lastAt) }

  /// From when on another attempt may be made.
  var opensAt: Timestamp {
    guard attempts >= Self.free else { return lastAt }
    // 2^10 seconds are more than the longest wait.
    return lastAt + min(.seconds(1 << min(attempts - Self.free, 10)), Self.longestWait)
  }

  /// Counts an attempt, or refuses it: then it does not count, so that knocking does not lengthen the wait.
  mutating func admit(now: Timestamp) -> Bool {
    if now >= lastAt + Self.memory { attempts = 0 }
    guard attempts < Self.free || now >= opensAt else { return false }
    attempts += 1
    lastAt = now
    return true
  }
}
