/// Whether a service answers at all.
///
/// When time ran out on several questions in a row and nothing was answered while they waited, nobody is there: further
/// questions are refused at once instead of waiting for nothing, but for one a second that finds out when somebody is. A
/// service that answers some questions, since they do without the database that others wait for, is there.
struct Silence {
  private static let patience = 3
  private static let probeInterval = Duration.seconds(1)

  private var unanswered = 0
  private var nextProbe = Duration.zero
  private var lastAnswer: Duration?

  /// Whether a question may be asked at time `now`.
  mutating func mayAsk(now: Duration) -> Bool {
    guard unanswered >= Self.patience else { return true }
    guard now >= nextProbe else { return false }
    nextProbe = now + Self.probeInterval
    return true
  }

  /// Notes an answer at time `now`.
  mutating func answered(now: Duration) {
    unanswered = 0
    lastAnswer = now
  }

  /// Notes that time ran out, at time `now`, on a question that had `limit`.
  mutating func timedOut(now: Duration, after limit: Duration) {
    if let lastAnswer, lastAnswer > now - limit { return }
    unanswered += 1
  }
}

/// A service as the gateway sees it: how many of its answers are waited for, and whether it answers at all.
final class Upstream {
  let service: String
  var inFlight = 0
  var silence = Silence()

  init(_ service: String) { self.service = service }
}
