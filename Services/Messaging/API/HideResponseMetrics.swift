import Contract

/// Shows one's response metrics to others, or hides them.
public struct HideResponseMetrics: Endpoint {
  public static let name = "messaging.hide-response-metrics"
  public static let route: Route? = .put("/api/v1/me/response-metrics", .member)

  public typealias Reply = Nothing
  public typealias Refusal = ResponseMetrics.Refusal

  /// Whether others see nothing of them.
  public let hidden: Bool

  /// Asks to hide or show.
  public init(hidden: Bool) { self.hidden = hidden }
}
