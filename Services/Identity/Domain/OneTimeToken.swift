import Contract
import Crypto

/// A token that is mailed and used once: whoever shows it reads the member's mail. 32 random bytes in base64url.
struct OneTimeToken: Equatable {
  /// What it is good for.
  enum Purpose: String, CaseIterable {
    case verifyEmail = "verify-email"
    case resetPassword = "reset-password"

    /// How long it holds.
    var life: Duration {
      switch self {
      case .verifyEmail: .seconds(24 * 3600)
      case .resetPassword: .seconds(3600)
      }
    }
  }

  private static let size = 32
  private let bytes: [UInt8]

  /// A new token.
  init() { bytes = randomBytes(Self.size) }

  /// Reads what somebody shows; nil for what was never a token.
  init?(_ text: String) {
    guard text.utf8.count <= 64, let bytes = Base64URL.decode(text), bytes.count == Self.size else { return nil }
    self.bytes = bytes
  }

  /// What is mailed.
  var text: String { Base64URL.encode(bytes) }

  /// What is stored of it.
  var digest: [UInt8] { SHA256.hash(bytes) }
}
