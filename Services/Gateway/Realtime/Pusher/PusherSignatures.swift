import Contract
import Crypto

/// The signatures by which a subscription shows that it was authorised: HMAC-SHA256 of socket, channel and channel data,
/// as the Pusher Channels protocol says. Only gateways can make them.
struct PusherSignatures {
  /// The application's key, a name that everybody knows.
  static let key = "skillmesh"

  /// The current secret first, then those from before.
  private let secrets: [[UInt8]]

  /// Takes the secret, or else makes one of the root key, and of older ones for signatures that are on their way.
  init(secret: String?, root: KeyRing) {
    secrets =
      secret.map { [Array($0.utf8)] }
      ?? root.derivedKeys(for: "pusher").map { key in Array(key.withBytes { Hex.encode($0) }.utf8) }
  }

  /// What the client sends with its subscription.
  func sign(_ socket: SocketID, _ channel: Channel, _ data: String?) -> String {
    let signature = HMAC.authenticate(Self.message(socket, channel, data), key: secrets[0])
    return "\(Self.key):\(Hex.encode(signature))"
  }

  /// Whether `auth` was signed for this.
  func isValid(_ auth: String, _ socket: SocketID, _ channel: Channel, _ data: String?) -> Bool {
    guard auth.hasPrefix("\(Self.key):"), let signature = Hex.decode(auth.dropFirst(Self.key.count + 1)) else {
      return false
    }
    let message = Self.message(socket, channel, data)
    return secrets.contains { HMAC.isValid(signature, for: message, key: $0) }
  }

  private static func message(_ socket: SocketID, _ channel: Channel, _ data: String?) -> [UInt8] {
    Array("\(socket):\(channel)\(data.map { ":\($0)" } ?? "")".utf8)
  }
}
