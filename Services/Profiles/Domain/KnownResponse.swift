import ProfilesAPI

/// How fast a provider answers, as messaging has worked it out.
struct KnownResponse: Equatable {
  /// How many of a hundred questions were answered within a day; nil without enough data.
  let ratePercent: Double?
  /// The mean time to an answer; nil without enough data.
  let averageMinutes: Double?
  /// Whether the provider hides it from others.
  let isHidden: Bool

  /// What others are shown: round words; nil when it is hidden.
  var summary: ResponseSummary? {
    guard !isHidden else { return nil }
    return ResponseSummary(
      averageText: averageMinutes.map(Self.words), responseRateText: ratePercent.map { "\(Int($0.rounded()))%" },
      enoughData: ratePercent != nil)
  }

  /// A time in round words, each rounded so that the next larger unit takes over in time.
  private static func words(_ minutes: Double) -> String {
    func about(_ count: Double, _ unit: String) -> String {
      let whole = max(1, Int(count.rounded()))
      return "about \(whole) \(unit)\(whole == 1 ? "" : "s")"
    }
    if minutes < 59.5 { return about(minutes, "minute") }
    if minutes < 23.5 * 60 { return about(minutes / 60, "hour") }
    return about(minutes / 1440, "day")
  }
}
