import CSodium

/// SHA-256 (FIPS 180-4).
public enum SHA256 {
  /// The digest of `message`, 32 bytes.
  public static func hash(_ message: some Collection<UInt8>) -> [UInt8] {
    Sodium.prepare()
    return message.withBytes { message in
      [UInt8](count: 32) { crypto_hash_sha256($0, message.start, UInt64(message.count)) }
    }
  }

  /// Hashes a message that comes in pieces.
  public struct Stream: Sendable {
    private var state = crypto_hash_sha256_state()

    /// Begins an empty message.
    public init() {
      Sodium.prepare()
      crypto_hash_sha256_init(&state)
    }

    /// Takes the next piece.
    public mutating func update(_ piece: some Collection<UInt8>) {
      piece.withBytes { _ = crypto_hash_sha256_update(&state, $0.start, UInt64($0.count)) }
    }

    /// The digest of all pieces so far, 32 bytes.
    public var digest: [UInt8] {
      var state = state
      return [UInt8](count: 32) { _ = crypto_hash_sha256_final(&state, $0) }
    }
  }
}

/// BLAKE2b (RFC 7693): faster than SHA-256, and with a key an authentication code or blind index of its own.
public enum BLAKE2b {
  /// The digest of `message`.
  /// - Parameters:
  ///   - key: makes the digest unpredictable for whoever lacks it.
  ///   - count: length of the digest, 16 to 64 bytes.
  public static func hash(_ message: some Collection<UInt8>, key: SymmetricKey? = nil, count: Int = 32) -> [UInt8] {
    guard let key else { return hash(message, keyBytes: EmptyCollection(), count: count) }
    return key.withBytes { hash(message, keyBytes: $0, count: count) }
  }

  static func hash(_ message: some Collection<UInt8>, keyBytes: some Collection<UInt8>, count: Int) -> [UInt8] {
    precondition((16...64).contains(count), "a BLAKE2b digest has 16 to 64 bytes")
    Sodium.prepare()
    return message.withBytes { message in
      keyBytes.withBytes { key in
        [UInt8](count: count) {
          crypto_generichash($0, count, message.start, UInt64(message.count), key.start, key.count)
        }
      }
    }
  }
}

/// HMAC-SHA256 (RFC 2104): an authentication code only holders of the key can make or check.
public enum HMAC {
  /// The code of `message`, 32 bytes.
  public static func authenticate(_ message: some Collection<UInt8>, key: SymmetricKey) -> [UInt8] {
    key.withBytes { authenticate(message, key: $0) }
  }

  /// The code of `message`, 32 bytes, under a key of any length.
  public static func authenticate(_ message: some Collection<UInt8>, key: some Collection<UInt8>) -> [UInt8] {
    Sodium.prepare()
    return message.withBytes { message in
      key.withBytes { key in
        var state = crypto_auth_hmacsha256_state()
        crypto_auth_hmacsha256_init(&state, key.start, key.count)
        crypto_auth_hmacsha256_update(&state, message.start, UInt64(message.count))
        let code = [UInt8](count: 32) { _ = crypto_auth_hmacsha256_final(&state, $0) }
        sodium_memzero(&state, MemoryLayout.size(ofValue: state))
        return code
      }
    }
  }

  /// Whether `code` is that of `message`; a wrong one takes as long to refuse as any other.
  public static func isValid(
    _ code: some Collection<UInt8>, for message: some Collection<UInt8>, key: SymmetricKey
  ) -> Bool {
    constantTimeEqual(code, authenticate(message, key: key))
  }

  /// Whether `code` is that of `message` under a key of any length.
  public static func isValid(
    _ code: some Collection<UInt8>, for message: some Collection<UInt8>, key: some Collection<UInt8>
  ) -> Bool {
    constantTimeEqual(code, authenticate(message, key: key))
  }
}

/// HKDF-SHA256 (RFC 5869): keys out of a key. Built on libsodium's HMAC, as libsodium 1.0.18 has no HKDF.
public enum HKDF {
  /// `count` bytes derived from `material`.
  /// - Parameters:
  ///   - material: secret and hard to guess, not a password.
  ///   - salt: not secret; makes the derivation one's own. May be empty.
  ///   - info: what the result is for; different infos give independent results.
  ///   - count: 1 to 8,160.
  public static func derive(
    from material: some Collection<UInt8>, salt: some Collection<UInt8> = EmptyCollection(),
    info: some Collection<UInt8>, count: Int
  ) -> [UInt8] {
    precondition((1...255 * 32).contains(count), "HKDF gives 1 to 8160 bytes")
    var extracted = HMAC.authenticate(material, key: salt)
    var output: [UInt8] = []
    output.reserveCapacity(count + 32)
    var block: [UInt8] = []
    for counter in 1...UInt8((count + 31) / 32) {
      block = HMAC.authenticate(block + info + [counter], key: extracted)
      output += block
    }
    sodium_memzero(&extracted, extracted.count)
    sodium_memzero(&block, block.count)
    output.removeLast(output.count - count)
    return output
  }
}
