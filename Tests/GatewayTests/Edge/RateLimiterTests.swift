import Testing

@testable import Gateway

@Suite struct RateLimiterTests {
  private func take(
    _ limiter: inout RateLimiter, _ caller: UInt64 = 1, limit: Int, at time: Duration = .zero
  ) -> RateLimiter.Verdict { limiter.take(caller, limit: limit, now: time) }

  @Test func `a caller may spend the whole allowance at once, and gets it back evenly`() {
    var limiter = RateLimiter(capacity: 16)
    for left in (0..<6).reversed() {
      let verdict = take(&limiter, 1, limit: 6, at: .seconds(100))
      #expect(
        verdict
          == RateLimiter.Verdict(
            isAllowed: true, limit: 6, remaining: left, reset: .seconds(10) * (6 - left)))
    }
    #expect(
      take(&limiter, 1, limit: 6, at: .seconds(100))
        == RateLimiter.Verdict(isAllowed: false, limit: 6, remaining: 0, reset: .seconds(10)))
    #expect(
      take(&limiter, 1, limit: 6, at: .seconds(104))
        == RateLimiter.Verdict(isAllowed: false, limit: 6, remaining: 0, reset: .seconds(6)))
    #expect(take(&limiter, 1, limit: 6, at: .seconds(110)).isAllowed)
    #expect(!take(&limiter, 1, limit: 6, at: .seconds(110)).isAllowed)
    #expect(take(&limiter, 1, limit: 6, at: .seconds(1000)).remaining == 5)
  }

  @Test func `callers do not spend one another's allowance`() {
    var limiter = RateLimiter(capacity: 16)
    for _ in 0..<3 { _ = take(&limiter, 1, limit: 3, at: .zero) }
    #expect(!take(&limiter, 1, limit: 3, at: .zero).isAllowed)
    #expect(take(&limiter, 2, limit: 3, at: .zero).remaining == 2)
  }

  @Test func `a flood of new callers forgets those who asked least`() {
    var limiter = RateLimiter(capacity: 4)
    for _ in 0..<20 { _ = take(&limiter, 1, limit: 20, at: .zero) }
    for caller in 2..<1000 as Range<UInt64> { #expect(take(&limiter, caller, limit: 20, at: .zero).isAllowed) }
    #expect(!take(&limiter, 1, limit: 20, at: .zero).isAllowed)
  }

  @Test func `over a long time nobody gets more than the allowance`() {
    var limiter = RateLimiter(capacity: 16)
    var allowed = 0
    for step in 0..<60_000 where take(&limiter, 9, limit: 600, at: .milliseconds(10 * step)).isAllowed { allowed += 1 }
    // Ten minutes: the full bucket at the beginning, and what has been refilled since.
    #expect(allowed == 600 + 5999)
  }

  @Test func `the shortest limit is one call a minute`() {
    var limiter = RateLimiter(capacity: 4)
    #expect(take(&limiter, 5, limit: 1, at: .zero).isAllowed)
    #expect(!take(&limiter, 5, limit: 1, at: .milliseconds(59_999)).isAllowed)
    #expect(take(&limiter, 5, limit: 1, at: .seconds(60)).isAllowed)
  }
}
