import Contract

/// Signs the member out on one device.
public struct RevokeDevice: Endpoint {
  public static let name = "identity.revoke-device"
  public static let route: Route? = .delete("/api/v1/me/devices/{id}", .member)

  public typealias Reply = Nothing

  /// Why nothing was ended.
  public enum Refusal: String, Contract.Refusal, CaseIterable {
    /// The member is not signed in there.
    case notFound = "device_not_found"

    public var status: Int { 404 }
    public var detail: String { "You are not signed in on such a device." }
  }

  /// The sign-in to end.
  public let id: AuthSessionID

  /// Asks to end a sign-in.
  public init(id: AuthSessionID) { self.id = id }
}
