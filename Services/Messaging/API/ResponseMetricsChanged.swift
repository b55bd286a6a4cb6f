import Contract

/// How fast a provider answers was worked out anew, and has changed.
public struct ResponseMetricsChanged: Event {
  public static let name = "messaging.response-metrics-changed"
  public var subject: UniqueID { member.value }

  /// The provider.
  public let member: MemberID
  /// How many of a hundred questions were answered within a day; null without enough data.
  public let responseRatePercent: Double?
  /// The mean time to an answer, in minutes; null without enough data.
  public let averageMinutes: Double?
  /// The median time to an answer, in minutes; null without enough data.
  public let medianMinutes: Double?
  /// How many questions count.
  public let samples: Int
  /// Whether the provider hides it from others.
  public let isHidden: Bool

  /// States the fact.
  public init(
    member: MemberID, responseRatePercent: Double?, averageMinutes: Double?, medianMinutes: Double?, samples: Int,
    isHidden: Bool
  ) {
    (self.member, self.samples, self.isHidden) = (member, samples, isHidden)
    (self.responseRatePercent, self.averageMinutes) = (responseRatePercent, averageMinutes)
    self.medianMinutes = medianMinutes
  }
}
