/// How many questions may be sent a second time: a share of all that are sent, so that a service that is slow because it
/// has too much to do is not given more.
struct HedgeBudget {
  private let share: Double
  /// Unused allowance is kept up to this many.
  private let burst: Double
  private var allowance: Double

  /// Allows `share` of all questions, with up to `burst` saved.
  init(share: Double = 0.1, burst: Double = 20) {
    (self.share, self.burst) = (share, burst)
    allowance = burst
  }

  /// Notes a question.
  mutating func earn() { allowance = min(burst, allowance + share) }

  /// Takes one hedge out of the budget; false when there is none left.
  mutating func spend() -> Bool {
    guard allowance >= 1 else { return false }
    allowance -= 1
    return true
  }
}
