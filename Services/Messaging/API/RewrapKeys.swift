import Contract

/// Seals conversations' keys anew that are under an older master key; some at a time. Only the operator may.
public struct RewrapKeys: Endpoint {
  public static let name = "messaging.rewrap-keys"
  public static let route: Route? = nil

  public typealias Refusal = OperatorRefusal

  /// How far it went.
  public struct Reply: Codable, Sendable, Equatable {
    /// How many keys were sealed anew.
    public let rewrapped: Int
    /// How many are left.
    public let left: Int

    /// Says how far it went.
    public init(rewrapped: Int, left: Int) { (self.rewrapped, self.left) = (rewrapped, left) }
  }

  /// Asks for some.
  public init() {}
}
