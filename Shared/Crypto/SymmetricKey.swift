import CSodium

/// 32 secret bytes: a key to seal, to authenticate or to derive others from. Wiped from memory when the last reference goes.
/// Printing it shows nothing.
public final class SymmetricKey: @unchecked Sendable, CustomStringConvertible, CustomReflectable {
  // The bytes are written in the initializers only, and wiped when nobody can read them any more.

  /// The number of bytes in every key.
  public static let size = 32

  private let bytes: UnsafeMutablePointer<UInt8>

  /// A new random key.
  public convenience init() {
    self.init { randombytes_buf($0, Self.size) }
  }

  /// The key made of `bytes`; nil unless they are exactly 32.
  public convenience init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.size else { return nil }
    self.init { key in
      bytes.withBytes { key.initialize(from: $0.start, count: Self.size) }
    }
  }

  init(_ fill: (UnsafeMutablePointer<UInt8>) -> Void) {
    Sodium.prepare()
    bytes = .allocate(capacity: Self.size)
    fill(bytes)
  }

  deinit {
    sodium_memzero(bytes, Self.size)
    bytes.deallocate()
  }

  /// Lends the bytes to `body`, which must not keep them.
  public func withBytes<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
    body(UnsafeBufferPointer(start: bytes, count: Self.size))
  }

  /// The key for one `purpose`, different and independent for each: HKDF-SHA256 without salt, the purpose as info.
  public func derived(for purpose: String) -> SymmetricKey {
    SymmetricKey { key in
      var derived = withBytes { HKDF.derive(from: $0, info: purpose.utf8, count: Self.size) }
      key.initialize(from: derived, count: Self.size)
      sodium_memzero(&derived, Self.size)
    }
  }

  /// Always `<key>`.
  public var description: String { "<key>" }
  /// Shows no children.
  public var customMirror: Mirror { Mirror(self, children: [:]) }
}
