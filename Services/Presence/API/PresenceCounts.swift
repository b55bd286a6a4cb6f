import Contract

/// How many members are there, of those of whom whoever asks may see it.
public struct PresenceCounts: Endpoint {
  public static let name = "presence.counts"
  public static let route: Route? = .get("/api/v1/users/presence/counts", .member, rate: .costly)

  /// Members by status.
  public struct Reply: Codable, Sendable, Equatable {
    /// There, and doing something.
    public let online: Int
    /// There, but not at it.
    public let away: Int
    /// Not to be disturbed.
    public let busy: Int

    /// States the numbers.
    public init(online: Int, away: Int, busy: Int) { (self.online, self.away, self.busy) = (online, away, busy) }
  }

  /// Only these; everybody by default.
  public let role: WhoIsOnline.Group?

  /// Asks for the numbers.
  public init(role: WhoIsOnline.Group? = nil) { self.role = role }
}
