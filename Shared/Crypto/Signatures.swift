import CSodium

/// The secret half of an Ed25519 key (RFC 8032): makes signatures. Wiped from memory when the last reference goes; printing
/// it shows nothing.
public final class SigningKey: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
  // The bytes are written in the initializers only, and wiped when nobody can read them any more.
  private let secret: UnsafeMutablePointer<UInt8>
  /// The public half.
  public let verifyingKey: VerifyingKey

  /// The key that grows from `seed`: the same seed gives the same key. Keep the seed as secret as the key.
  public init(seed: SymmetricKey) {
    Sodium.prepare()
    let secret = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
    let visible = seed.withBytes { seed in
      [UInt8](count: 32) {
        _ = crypto_sign_ed25519_seed_keypair($0, secret, seed.start)
      }
    }
    self.secret = secret
    verifyingKey = VerifyingKey(known: visible)
  }

  /// A new random key.
  public convenience init() { self.init(seed: SymmetricKey()) }

  deinit {
    sodium_memzero(secret, 64)
    secret.deallocate()
  }

  /// The signature of `message`, 64 bytes.
  public func sign(_ message: some Collection<UInt8>) -> [UInt8] {
    message.withBytes { message in
      [UInt8](count: VerifyingKey.signatureSize) {
        _ = crypto_sign_ed25519_detached($0, nil, message.start, UInt64(message.count), secret)
      }
    }
  }

  /// Always `<key>`.
  public var description: String { "<key>" }
  /// Shows no children.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}

/// The public half of an Ed25519 key (RFC 8032): checks signatures.
public struct VerifyingKey: Sendable, Hashable {
  /// The length of a signature.
  public static let signatureSize = 64

  /// The 32 bytes that stand for it.
  public let bytes: [UInt8]

  /// The key `bytes` stand for; nil unless they are 32.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == 32 else { return nil }
    self.bytes = Array(bytes)
  }

  init(known bytes: [UInt8]) { self.bytes = bytes }

  /// Whether `signature` is one of `message` by the secret half. False as well for a key or signature that is malformed.
  public func isValid(_ signature: some Collection<UInt8>, for message: some Collection<UInt8>) -> Bool {
    Sodium.prepare()
    return signature.withBytes { signature in
      message.withBytes { message in
        signature.count == Self.signatureSize
          && crypto_sign_ed25519_verify_detached(
            signature.start, message.start, UInt64(message.count), bytes) == 0
      }
    }
  }
}
