import Contract
import Crypto

/// A refresh token: the sign-in that it belongs to and 32 random bytes, in base64url. To its holder it is opaque.
///
/// It names its sign-in so that a token from long ago still tells which one was stolen, without a memory of all tokens.
struct RefreshToken: Equatable {
  private static let secretSize = 32

  let session: AuthSessionID
  private let secret: [UInt8]

  /// A new token.
  init(of session: AuthSessionID) { (self.session, secret) = (session, randomBytes(Self.secretSize)) }

  /// Reads what a client shows; nil for what was never a token.
  init?(_ text: String) {
    guard text.utf8.count <= 128, let bytes = Base64URL.decode(text), bytes.count == 16 + Self.secretSize else {
      return nil
    }
    func half(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
    session = AuthSessionID(UniqueID(high: half(bytes[..<8]), low: half(bytes[8..<16])))
    secret = Array(bytes[16...])
  }

  /// What the client gets.
  var text: String {
    let id = [session.value.high, session.value.low].flatMap { half in
      stride(from: 56, through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> UInt64($0)) }
    }
    return Base64URL.encode(id + secret)
  }

  /// What is stored of it.
  var digest: [UInt8] { SHA256.hash(secret) }
}
