import Contract

/// Says that a member is at one of their devices, or has just left it.
public struct Heartbeat: Endpoint {
  public static let name = "presence.heartbeat"
  public static let route: Route? = .post("/api/v1/user/presence", .member, body: .beacon)

  public typealias Reply = Nothing

  /// What happened.
  public enum Kind: String, Codable, Sendable, CaseIterable {
    /// The member is there.
    case online
    /// The device was closed.
    case offline
  }

  /// The device, by a name that its client keeps.
  public let deviceId: DeviceName
  /// What happened; by default the member is there.
  public let status: Kind?
  /// Whether the app is on the screen; as before by default.
  public let appState: AppState?
  /// The access token, from a client that cannot send headers. The gateway takes it from here.
  public let accessToken: String?

  /// Says what happened.
  public init(deviceId: DeviceName, status: Kind? = nil, appState: AppState? = nil) {
    (self.deviceId, self.status, self.appState, accessToken) = (deviceId, status, appState, nil)
  }
}

/// Whether an app is on the screen.
public enum AppState: String, Codable, Sendable, CaseIterable {
  /// It is.
  case foreground
  /// It runs behind others, or the screen is off.
  case background
}

/// What a client calls its device: 1 to 64 visible ASCII characters, without spaces.
public struct DeviceName: FormedText {
  /// The longest name.
  public static let maximumLength = 64

  /// The name.
  public let description: String

  /// Reads a name; nil for what is none.
  public init?(_ description: String) {
    guard (1...Self.maximumLength).contains(description.utf8.count),
      description.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
    else { return nil }
    self.description = description
  }

  /// What is said about text that is no name.
  public static var malformed: InvalidValue {
    InvalidValue("device", "must be 1 to \(Self.maximumLength) visible ASCII characters without spaces")
  }
  /// Text of limited length.
  public static var schema: Schema { .string(length: 1...maximumLength) }
  /// Some device.
  public static var sample: DeviceName { DeviceName("device")! }
}
