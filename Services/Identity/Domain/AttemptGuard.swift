import Contract

/// Slows down whoever tries something again and again: the first few attempts are free, each further one has to wait
/// twice as long as the one before.
///
/// Each attempt counts when it begins, so that many at once are slowed down too. Success forgets those on the account; of
/// those from the client's address it takes back its own only, or one account would pay for guessing at others.
struct AttemptGuard: Equatable {
  /// What is tried; each has counts of its own.
  enum Purpose: String {
    case signIn = "sign-in"
    case register
    case forgotPassword = "forgot-password"
  }

  /// How much is let through.
  struct Pace: Equatable {
    /// Attempts that need not wait.
    var free: Int
    /// The longest that one has to wait, so that nobody is locked out by others for good.
    let longestWait: Duration
    /// After so long without an attempt all are forgotten.
    let memory: Duration

    /// On one account.
    static let account = Pace(free: 5, longestWait: .seconds(15 * 60), memory: .seconds(24 * 3600))
    /// From one client's address. Looser, since many people may share it.
    static let client = Pace(free: 20, longestWait: .seconds(60), memory: .seconds(3600))

    /// With so many times as many free attempts.
    func scaled(by factor: Double) -> Pace {
      Pace(free: max(1, Int((Double(free) * factor).rounded())), longestWait: longestWait, memory: memory)
    }
  }

  let pace: Pace
  private(set) var attempts: Int
  private(set) var lastAt: Timestamp

  /// What was stored.
  init(_ pace: Pace, attempts: Int, lastAt: Timestamp) {
    (self.pace, self.attempts, self.lastAt) = (pace, attempts, lastAt)
  }

  /// From when on another attempt may be made.
  var opensAt: Timestamp {
    guard attempts >= pace.free else { return lastAt }
    // 2^10 seconds are more than the longest wait.
    return lastAt + min(.seconds(1 << min(attempts - pace.free, 10)), pace.longestWait)
  }

  /// Counts an attempt, or refuses it: then it does not count, so that knocking does not lengthen the wait.
  mutating func admit(now: Timestamp) -> Bool {
    if now >= lastAt + pace.memory { attempts = 0 }
    guard attempts < pace.free || now >= opensAt else { return false }
    attempts += 1
    lastAt = now
    return true
  }
}
