import CSodium

/// Seals messages so that only holders of the keys can read or change them, and lets the keys change over time: it seals
/// under the current key and opens under that one or an older one.
///
/// A sealed message is the version byte 1, the key's id (4 bytes, big-endian), a random nonce (24 bytes) and the
/// ciphertext with its tag (16 bytes more than the message): XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03), the first 5
/// bytes and the context as associated data. The random nonce is long enough never to repeat.
public struct KeyRing: Sendable {
  /// Names a key in sealed messages; a date such as `20250131` reads well.
  public typealias KeyID = UInt32

  /// By how much a sealed message is longer than the message.
  public static let overhead = headerSize + XChaCha20Poly1305.nonceSize + XChaCha20Poly1305.tagSize

  private static let version: UInt8 = 1
  private static let headerSize = 5

  /// The key that seals.
  public let current: KeyID
  private let keys: [KeyID: SymmetricKey]

  /// The ring of `keys`, which must hold the current one.
  public init(current: KeyID, keys: [KeyID: SymmetricKey]) {
    precondition(keys[current] != nil, "the current key, \(current), is not in the ring")
    self.current = current
    self.keys = keys
  }

  /// A ring of the same ids, each key derived for `purpose`.
  public func derived(for purpose: String) -> KeyRing {
    KeyRing(current: current, keys: keys.mapValues { $0.derived(for: purpose) })
  }

  /// The keys themselves, each derived for `purpose`: the current one first, the others from the highest id down. For what
  /// is not sealed but signed.
  public func derivedKeys(for purpose: String) -> [SymmetricKey] {
    let others = keys.keys.filter { $0 != current }.sorted(by: >)
    return ([current] + others).compactMap { keys[$0]?.derived(for: purpose) }
  }

  /// `message`, sealed under the current key.
  /// - Parameter context: what the message belongs to, such as its topic and key; it opens with the same context only, so
  ///   it cannot be passed off as another's.
  public func seal(_ message: some Collection<UInt8>, context: some Collection<UInt8>) -> [UInt8] {
    message.withBytes { message in context.withBytes { context in seal(message, context) } }
  }

  /// As the other `seal`: every message of the mesh comes through here, and the compiler makes more of arrays.
  public func seal(_ message: [UInt8], context: [UInt8]) -> [UInt8] {
    message.withUnsafeBufferPointer { message in context.withUnsafeBufferPointer { seal(message, $0) } }
  }

  private func seal(_ message: UnsafeBufferPointer<UInt8>, _ context: UnsafeBufferPointer<UInt8>) -> [UInt8] {
    let key = keys[current]!
    return [UInt8](count: message.count + Self.overhead) { sealed in
      sealed[0] = Self.version
      for index in 0..<4 { sealed[1 + index] = UInt8(truncatingIfNeeded: current >> UInt32(24 - 8 * index)) }
      let nonce = sealed + Self.headerSize
      randombytes_buf(nonce, XChaCha20Poly1305.nonceSize)
      let header = UnsafeBufferPointer(start: sealed, count: Self.headerSize)
      Self.withAssociatedData(header, context) { associated in
        XChaCha20Poly1305.seal(message, associated, nonce: nonce, key: key, into: nonce + XChaCha20Poly1305.nonceSize)
      }
    }
  }

  /// The message in `sealed`.
  /// - Throws: `SealError` when it was not sealed by this ring in this context, or was changed since.
  public func open(_ sealed: some Collection<UInt8>, context: some Collection<UInt8>) throws(SealError) -> [UInt8] {
    try sealed.withBytes { sealed throws(SealError) in
      try context.withBytes { context throws(SealError) in try open(sealed, context) }
    }
  }

  /// As the other `open`, for what lies in foreign memory.
  public func open(_ sealed: UnsafeRawBufferPointer, context: [UInt8]) throws(SealError) -> [UInt8] {
    try context.withUnsafeBufferPointer { context throws(SealError) in
      try open(sealed.assumingMemoryBound(to: UInt8.self), context)
    }
  }

  /// An authentication code of `message`, whoever may read that: the current key's id and an HMAC-SHA256, 36 bytes.
  public func sign(_ message: some Collection<UInt8>) -> [UInt8] {
    let id = (0..<4).map { UInt8(truncatingIfNeeded: current >> UInt32(24 - 8 * $0)) }
    return id + HMAC.authenticate(message, key: keys[current]!)
  }

  /// Whether `signature` is what this ring has made of `message`, with a key that it still has.
  public func isValid(_ signature: some Collection<UInt8>, for message: some Collection<UInt8>) -> Bool {
    guard signature.count == 36, let key = keys[signature.prefix(4).reduce(0) { $0 << 8 | KeyID($1) }] else {
      return false
    }
    return HMAC.isValid(Array(signature.dropFirst(4)), for: message, key: key)
  }

  private func open(
    _ sealed: UnsafeBufferPointer<UInt8>, _ context: UnsafeBufferPointer<UInt8>
  ) throws(SealError) -> [UInt8] {
    let id = try Self.keyID(of: sealed)
    guard let key = keys[id] else { throw .unknownKey(id) }
    let header = UnsafeBufferPointer(rebasing: sealed[..<Self.headerSize])
    let nonce = sealed.baseAddress! + Self.headerSize
    let ciphertext = UnsafeBufferPointer(rebasing: sealed[(Self.headerSize + XChaCha20Poly1305.nonceSize)...])
    var isAuthentic = false
    let message = [UInt8](count: sealed.count - Self.overhead) { message in
      isAuthentic = Self.withAssociatedData(header, context) { associated in
        XChaCha20Poly1305.open(ciphertext, associated, nonce: nonce, key: key, into: message)
      }
    }
    guard isAuthentic else { throw .notAuthentic }
    return message
  }

  private static func keyID(of sealed: UnsafeBufferPointer<UInt8>) throws(SealError) -> KeyID {
    guard sealed.count >= overhead, sealed[0] == version else { throw .notSealed }
    return sealed[1..<headerSize].reduce(0) { $0 << 8 | KeyID($1) }
  }

  /// `header` and `context` in one piece.
  private static func withAssociatedData<Result>(
    _ header: UnsafeBufferPointer<UInt8>, _ context: UnsafeBufferPointer<UInt8>,
    _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: header.count + context.count) { joined in
      let end = joined.initialize(fromContentsOf: header)
      _ = joined[end...].initialize(fromContentsOf: context)
      return body(UnsafeBufferPointer(joined))
    }
  }
}

/// Why a sealed message does not open.
public enum SealError: Error, Equatable, CustomStringConvertible {
  /// Too short, or of another version.
  case notSealed
  /// The ring lacks the key of this id: it was retired, or belongs to another ring.
  case unknownKey(KeyRing.KeyID)
  /// Changed since, or sealed in another context or with another key of the same id.
  case notAuthentic

  /// For the log.
  public var description: String {
    switch self {
    case .notSealed: "not a sealed message of version 1"
    case .unknownKey(let id): "sealed under key \(id), which is not in the ring; add it to the old keys"
    case .notAuthentic: "changed since it was sealed, or sealed in another context or with another key of this id"
    }
  }
}

/// Authenticated encryption (draft-irtf-cfrg-xchacha-03, IETF construction).
enum XChaCha20Poly1305 {
  static let nonceSize = 24
  static let tagSize = 16

  /// Writes the ciphertext and its tag: `message.count + tagSize` bytes.
  static func seal(
    _ message: UnsafeBufferPointer<UInt8>, _ associated: UnsafeBufferPointer<UInt8>, nonce: UnsafePointer<UInt8>,
    key: SymmetricKey, into output: UnsafeMutablePointer<UInt8>
  ) {
    key.withBytes { key in
      _ = crypto_aead_xchacha20poly1305_ietf_encrypt(
        output, nil, message.start, UInt64(message.count), associated.start, UInt64(associated.count), nil,
        nonce, key.start)
    }
  }

  /// Writes the message, `ciphertext.count - tagSize` bytes; false, and zeros, if the tag is wrong.
  static func open(
    _ ciphertext: UnsafeBufferPointer<UInt8>, _ associated: UnsafeBufferPointer<UInt8>, nonce: UnsafePointer<UInt8>,
    key: SymmetricKey, into output: UnsafeMutablePointer<UInt8>
  ) -> Bool {
    key.withBytes { key in
      crypto_aead_xchacha20poly1305_ietf_decrypt(
        output, nil, nil, ciphertext.start, UInt64(ciphertext.count), associated.start,
        UInt64(associated.count), nonce, key.start) == 0
    }
  }
}
