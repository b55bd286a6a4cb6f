import Contract

/// How fast a provider has answered of late.
struct ResponseSummary: Equatable {
  /// Questions before that do not count.
  static let window = Duration.seconds(30 * 86_400)
  /// An answer within this time counts as one.
  static let prompt = Duration.seconds(86_400)
  /// Fewer questions say nothing.
  static let leastSamples = 3

  /// How many questions were answered, or have waited for too long.
  let samples: Int
  /// The share that was answered within a day, 0 to 1; nil without enough questions.
  let rate: Double?
  /// The mean time to an answer; nil without enough questions, or without any answer.
  let average: Duration?
  /// The median time to an answer; nil likewise.
  let median: Duration?

  /// What was stored.
  init(samples: Int, rate: Double?, average: Duration?, median: Duration?) {
    (self.samples, self.rate, self.average, self.median) = (samples, rate, average, median)
  }

  /// Works it out. Time within the provider's quiet hours does not count.
  init(
    answered: [ResponseClock.Sample], waiting: [ResponseClock.Question], quietHours: QuietHours?, now: Timestamp
  ) {
    func counted(_ begin: Timestamp, _ end: Timestamp) -> Duration {
      quietHours?.counted(from: begin, to: end) ?? max(.zero, end - begin)
    }
    let since = now - Self.window
    let times = answered.filter { $0.askedAt >= since }.map { counted($0.askedAt, $0.answeredAt) }.sorted()
    let missed = waiting.filter { $0.at >= since && counted($0.at, now) > Self.prompt }.count
    let samples = times.count + missed
    guard samples >= Self.leastSamples else {
      self.init(samples: samples, rate: nil, average: nil, median: nil)
      return
    }
    let prompt = times.filter { $0 <= Self.prompt }.count
    let rate = Double(prompt) / Double(samples)
    guard !times.isEmpty else {
      self.init(samples: samples, rate: rate, average: nil, median: nil)
      return
    }
    let middle = times.count / 2
    let median = times.count % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2
    self.init(samples: samples, rate: rate, average: times.reduce(.zero, +) / times.count, median: median)
  }

  /// Whether there were enough questions.
  var isEnough: Bool { rate != nil }

  /// "about 2 hours".
  var averageText: String? { average.map(Self.words) }

  /// "85%".
  var rateText: String? { rate.map { "\(Int(($0 * 100).rounded()))%" } }

  private static func words(_ time: Duration) -> String {
    let minutes = Double(time.components.seconds) / 60
    func about(_ number: Double, _ unit: String) -> String {
      let count = max(1, Int(number.rounded()))
      return "about \(count) \(unit)\(count == 1 ? "" : "s")"
    }
    return switch minutes {
    case ..<59.5: about(minutes < 10 ? minutes : (minutes / 5).rounded() * 5, "minute")
    case ..<1410: about(minutes / 60, "hour")
    default: about(minutes / 1440, "day")
    }
  }
}
