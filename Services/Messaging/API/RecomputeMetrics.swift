import Contract

/// Works out anew, from the messages alone, how fast providers answer; some at a time. Only the operator may.
public struct RecomputeMetrics: Endpoint {
  public static let name = "messaging.recompute-metrics"
  public static let route: Route? = nil

  public typealias Refusal = OperatorRefusal

  /// How far it went.
  public struct Reply: Codable, Sendable, Equatable {
    /// How many providers were done.
    public let done: Int
    /// Whom to go on after; null when there are no more.
    public let next: MemberID?

    /// Says how far it went.
    public init(done: Int, next: MemberID?) { (self.done, self.next) = (done, next) }
  }

  /// The provider after whom to begin; the first when left out.
  public let after: MemberID?

  /// Asks for some.
  public init(after: MemberID? = nil) { self.after = after }
}
