import Contract
import Testing

@testable import Messaging

@Suite struct ResponseTests {
  static let begin = Timestamp("2026-03-02T09:00:00Z")!

  private static func at(_ minutes: Int) -> Timestamp { begin + .seconds(60 * minutes) }

  /// A conversation in short: each letter is a message, ten minutes after the one before. `c` the client's, `p` the
  /// provider's, `x` one of the client's that was deleted at once, `y` one that was deleted much later, `|` a block.
  private static func history(_ letters: String) -> [ResponseClock.Entry] {
    letters.enumerated().map { index, letter in
      let (seq, at) = (Int64(index + 1), at(10 * index))
      return switch letter {
      case "c": .message(.client, seq: seq, at: at, deletedAt: nil)
      case "x": .message(.client, seq: seq, at: at, deletedAt: at + .seconds(1))
      case "y": .message(.client, seq: seq, at: at, deletedAt: Self.at(10_000))
      case "p": .message(.provider, seq: seq, at: at, deletedAt: nil)
      default: .stopped
      }
    }
  }

  struct Case: CustomTestStringConvertible {
    let letters: String
    /// Places of questions and minutes to their answers.
    let answered: [[Int]]
    let waiting: Int64?
    var testDescription: String { letters }
  }

  @Test(arguments: [
    Case(letters: "", answered: [], waiting: nil),
    Case(letters: "cp", answered: [[1, 10]], waiting: nil),
    Case(letters: "ccp", answered: [[1, 20]], waiting: nil),
    Case(letters: "cppcp", answered: [[1, 10], [4, 10]], waiting: nil),
    Case(letters: "ppp", answered: [], waiting: nil),
    Case(letters: "pcc", answered: [], waiting: 2),
    Case(letters: "xp", answered: [], waiting: nil),
    Case(letters: "xcp", answered: [[2, 10]], waiting: nil),
    Case(letters: "yp", answered: [[1, 10]], waiting: nil),
    Case(letters: "cpx", answered: [[1, 10]], waiting: nil),
    Case(letters: "xcc", answered: [], waiting: 2),
    Case(letters: "c|p", answered: [], waiting: nil),
    Case(letters: "c|cp", answered: [[3, 10]], waiting: nil),
    Case(letters: "cpc|", answered: [[1, 10]], waiting: nil),
  ])
  func `questions and answers follow from the messages`(one: Case) {
    let (samples, clock) = ResponseClock.replay(Self.history(one.letters))
    #expect(samples.map { [Int($0.seq), Int(($0.answeredAt - $0.askedAt).components.seconds) / 60] } == one.answered)
    #expect(clock.question?.seq == one.waiting)
  }

  @Test func `a clock that is kept up to date agrees with one that is worked out anew`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<300 {
      let letters = String((0..<12).map { _ in "cp|cpc".randomElement(using: &random)! })
      var clock = ResponseClock()
      var samples: [ResponseClock.Sample] = []
      for entry in Self.history(letters) {
        switch entry {
        case .message(let side, let seq, let at, _): samples += [clock.wrote(side, seq: seq, at: at)].compactMap(\.self)
        case .stopped: clock.stop()
        }
      }
      let again = ResponseClock.replay(Self.history(letters))
      #expect(samples == again.samples && clock == again.clock, "\(letters)")
    }
  }

  @Test func `a question that is deleted leaves its place to the next`() {
    let next = ResponseClock.Question(seq: 2, at: Self.at(10))
    var clock = ResponseClock(.init(seq: 1, at: Self.at(0)))
    clock.deleted(2, next: nil)
    #expect(clock.question?.seq == 1)
    clock.deleted(1, next: next)
    #expect(clock.question == next)
    clock.deleted(2, next: nil)
    #expect(clock.question == nil)
  }

  // MARK: Metrics

  private func sample(_ asked: Int, _ minutes: Int) -> ResponseClock.Sample {
    .init(seq: Int64(asked), askedAt: Self.at(asked), answeredAt: Self.at(asked + minutes))
  }

  @Test func `three answers are enough, two are not`() {
    let samples = [sample(0, 30), sample(100, 60), sample(200, 180)]
    let now = Self.at(10_000)
    let few = ResponseSummary(answered: Array(samples.prefix(2)), waiting: [], quietHours: nil, now: now)
    #expect(few == ResponseSummary(samples: 2, rate: nil, average: nil, median: nil))
    let enough = ResponseSummary(answered: samples, waiting: [], quietHours: nil, now: now)
    #expect(enough == ResponseSummary(samples: 3, rate: 1, average: .seconds(90 * 60), median: .seconds(3600)))
    #expect(enough.averageText == "about 2 hours")
    #expect(enough.rateText == "100%")
  }

  @Test func `late answers and none at all lower the rate`() {
    let samples = [sample(0, 30), sample(0, 1440), sample(0, 1441)]
    let waiting = [ResponseClock.Question(seq: 9, at: Self.at(0)), .init(seq: 10, at: Self.at(3000))]
    let summary = ResponseSummary(answered: samples, waiting: waiting, quietHours: nil, now: Self.at(3100))
    #expect((summary.samples, summary.rate) == (4, 0.5))
    #expect(summary.median == .seconds(1440 * 60))
    #expect(summary.rateText == "50%")
  }

  @Test func `nobody who never answers has a time`() {
    let waiting = (0..<3).map { ResponseClock.Question(seq: $0, at: Self.at(0)) }
    let summary = ResponseSummary(answered: [], waiting: waiting, quietHours: nil, now: Self.at(1500))
    #expect(summary == ResponseSummary(samples: 3, rate: 0, average: nil, median: nil))
    #expect(summary.averageText == nil && summary.rateText == "0%")
  }

  @Test func `what was asked more than thirty days ago does not count`() {
    let samples = [sample(0, 10), sample(1, 10), sample(2, 10)]
    let now = Self.at(1) + ResponseSummary.window
    #expect(ResponseSummary(answered: samples, waiting: [], quietHours: nil, now: now).samples == 2)
  }

  @Test(arguments: [
    (20, "about 1 minute"), (290, "about 5 minutes"), (1300, "about 20 minutes"), (3570, "about 1 hour"),
    (7300, "about 2 hours"), (84_000, "about 23 hours"), (86_400, "about 1 day"), (200_000, "about 2 days"),
  ])
  func `times are told in words`(seconds: Int, words: String) {
    #expect(
      ResponseSummary(samples: 3, rate: 1, average: .seconds(seconds), median: nil).averageText == words)
  }

  // MARK: Quiet hours

  struct Night: CustomTestStringConvertible {
    let hours: [Int]
    let zone: String
    let from: String
    let to: String
    let minutes: Int
    var testDescription: String { "\(zone) \(from) \(to)" }
  }

  @Test(arguments: [
    Night(hours: [1320, 420], zone: "UTC", from: "2026-03-02T21:00:00Z", to: "2026-03-03T08:00:00Z", minutes: 120),
    Night(hours: [1320, 420], zone: "UTC", from: "2026-03-02T23:00:00Z", to: "2026-03-03T06:00:00Z", minutes: 0),
    Night(hours: [720, 780], zone: "UTC", from: "2026-03-02T11:30:00Z", to: "2026-03-02T13:30:00Z", minutes: 60),
    Night(hours: [720, 780], zone: "UTC", from: "2026-03-02T08:00:00Z", to: "2026-03-04T08:00:00Z", minutes: 2760),
    Night(
      hours: [1320, 420], zone: "America/New_York", from: "2026-03-03T02:00:00Z", to: "2026-03-03T13:00:00Z",
      minutes: 120),
    // The night in which clocks go forward is an hour shorter, the one in which they go back an hour longer.
    Night(
      hours: [1320, 420], zone: "Europe/Berlin", from: "2026-03-28T20:00:00Z", to: "2026-03-29T06:00:00Z",
      minutes: 120),
    Night(
      hours: [1320, 420], zone: "Europe/Berlin", from: "2026-10-24T19:00:00Z", to: "2026-10-25T07:00:00Z",
      minutes: 120),
    Night(hours: [1320, 420], zone: "UTC", from: "2026-03-03T08:00:00Z", to: "2026-03-02T08:00:00Z", minutes: 0),
  ])
  func `quiet hours do not count`(night: Night) throws {
    let hours = try #require(QuietHours(start: night.hours[0], end: night.hours[1], timezone: night.zone))
    let counted = hours.counted(from: Timestamp(night.from)!, to: Timestamp(night.to)!)
    #expect(counted == .seconds(60 * night.minutes))
  }

  @Test func `what are no hours is refused`() {
    #expect(QuietHours(start: 0, end: 0, timezone: "UTC") == nil)
    #expect(QuietHours(start: -1, end: 10, timezone: "UTC") == nil)
    #expect(QuietHours(start: 0, end: 1440, timezone: "UTC") == nil)
    #expect(QuietHours(start: 0, end: 10, timezone: "Nowhere/Else") == nil)
  }

  @Test func `an answer in the morning to a question of the night is a quick one`() throws {
    let hours = try #require(QuietHours(start: 1320, end: 480, timezone: "UTC"))
    let asked = Timestamp("2026-03-02T23:00:00Z")!
    let samples = (0..<3).map { _ in
      ResponseClock.Sample(seq: 1, askedAt: asked, answeredAt: Timestamp("2026-03-03T08:10:00Z")!)
    }
    let summary = ResponseSummary(answered: samples, waiting: [], quietHours: hours, now: asked + .seconds(86_400))
    #expect(summary.averageText == "about 10 minutes")
  }
}
