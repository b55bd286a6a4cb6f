import Contract
import Testing

@testable import Identity

@Suite struct AttemptGuardTests {
  let start = Timestamp("2026-03-01T12:00:00Z")!

  @Test func `five attempts are free, and each further one waits twice as long`() {
    var attempts = AttemptGuard(.account, attempts: 0, lastAt: start)
    for _ in 0..<5 { #expect(attempts.admit(now: start) == true) }
    var now = start
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
      #expect(attempts.admit(now: now + .seconds(wait) - .microseconds(1)) == false)
      now = now + .seconds(wait)
      #expect(attempts.admit(now: now) == true)
    }
  }

  @Test func `an attempt that is refused does not lengthen the wait`() {
    var attempts = AttemptGuard(.account, attempts: 5, lastAt: start)
    for _ in 0..<1000 { #expect(attempts.admit(now: start) == false) }
    #expect(attempts == AttemptGuard(.account, attempts: 5, lastAt: start))
    #expect(attempts.admit(now: start + .seconds(1)) == true)
  }

  @Test func `after a day all is forgotten`() {
    var attempts = AttemptGuard(.account, attempts: 1_000_000, lastAt: start)
    #expect(attempts.admit(now: start + .seconds(899)) == false)
    #expect(attempts.admit(now: start + .seconds(24 * 3600)) == true)
    #expect(attempts.attempts == 1)
  }

  @Test func `from one network more is free, and the wait is shorter`() {
    var attempts = AttemptGuard(.client, attempts: 0, lastAt: start)
    for _ in 0..<20 { #expect(attempts.admit(now: start) == true) }
    var now = start
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
      #expect(attempts.admit(now: now) == false)
      #expect(attempts.opensAt == now + .seconds(wait))
      now = attempts.opensAt
      #expect(attempts.admit(now: now) == true)
    }
    #expect(AttemptGuard.Pace.client.scaled(by: 2.5).free == 50)
    #expect(AttemptGuard.Pace.client.scaled(by: 0.001).free == 1)
  }

  @Test func `a clock that goes back does not open it`() {
    var attempts = AttemptGuard(.account, attempts: 5, lastAt: start)
    #expect(attempts.admit(now: start - .seconds(3600)) == false)
  }
}
