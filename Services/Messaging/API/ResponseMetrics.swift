import Contract

/// How fast a provider answers, over the last 30 days: in words for everybody, in numbers for the provider.
public struct ResponseMetrics: Endpoint {
  public static let name = "messaging.response-metrics"
  public static let route: Route? = .get("/api/v1/users/{user}/response-metrics", .member)

  /// Why there are none.
  public enum Refusal: String, Contract.Refusal, CaseIterable {
    /// The member is no provider, or does not exist.
    case notFound = "metrics_not_found"

    public var status: Int { 404 }
    public var detail: String { "There are no response metrics of this member." }
  }

  /// The metrics.
  public struct Reply: Codable, Sendable, Equatable {
    /// "about 2 hours"; null without enough data, and to others where the provider hides it.
    public let averageText: String?
    /// "85%"; null as above.
    public let responseRateText: String?
    /// Whether there were at least three questions.
    public let enoughData: Bool
    /// When they were worked out; null while they never were.
    public let metricsLastUpdated: Timestamp?
    /// Whether others see them. The provider's only, as what follows.
    public let hidden: Bool?
    /// The mean time to an answer, in minutes.
    public let averageMinutes: Double?
    /// The median time to an answer, in minutes.
    public let medianMinutes: Double?
    /// How many of a hundred questions were answered within a day.
    public let responseRatePercent: Double?
    /// How many questions count.
    public let samples: Int?

    /// Describes metrics.
    public init(
      averageText: String?, responseRateText: String?, enoughData: Bool, metricsLastUpdated: Timestamp?,
      hidden: Bool? = nil, averageMinutes: Double? = nil, medianMinutes: Double? = nil,
      responseRatePercent: Double? = nil, samples: Int? = nil
    ) {
      (self.averageText, self.responseRateText, self.enoughData) = (averageText, responseRateText, enoughData)
      (self.metricsLastUpdated, self.hidden, self.samples) = (metricsLastUpdated, hidden, samples)
      (self.averageMinutes, self.medianMinutes) = (averageMinutes, medianMinutes)
      self.responseRatePercent = responseRatePercent
    }
  }

  /// The provider.
  public let user: MemberID

  /// Asks for metrics.
  public init(user: MemberID) { self.user = user }
}
