import Contract

/// Where the member is signed in, the device that was used last first.
public struct Devices: Endpoint {
  public static let name = "identity.devices"
  public static let route: Route? = .get("/api/v1/me/devices", .member)

  /// One sign-in.
  public struct Device: Codable, Sendable, Equatable {
    /// The sign-in.
    public let id: AuthSessionID
    /// What the client called the device, else what can be told from its `User-Agent`.
    public let name: String?
    /// When the member signed in.
    public let signedInAt: Timestamp
    /// When tokens were last given out.
    public let lastUsedAt: Timestamp
    /// Whether it is the one that asks.
    public let isCurrent: Bool

    /// Describes a sign-in.
    public init(id: AuthSessionID, name: String?, signedInAt: Timestamp, lastUsedAt: Timestamp, isCurrent: Bool) {
      (self.id, self.name, self.isCurrent) = (id, name, isCurrent)
      (self.signedInAt, self.lastUsedAt) = (signedInAt, lastUsedAt)
    }
  }

  /// All of them: a member has at most 50.
  public struct Reply: Codable, Sendable {
    /// The sign-ins.
    public let items: [Device]
    /// Always null.
    public let nextCursor: String?

    /// Lists sign-ins.
    public init(items: [Device]) { (self.items, nextCursor) = (items, nil) }
  }

  /// Asks for the list.
  public init() {}
}
