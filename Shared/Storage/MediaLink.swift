public import Contract
public import Crypto

/// Links to objects under `/media`, on the public surface.
///
/// A public object's link is its name. A private object's is signed by the service that it belongs to, with the keys that
/// the mesh derives for that (`MeshService.mediaKeys`), and ends at some time: whoever has it may read the object until then.
public enum MediaLink {
  /// What caches are told of a public object (RFC 9111, RFC 8246): what a name stands for never changes.
  public static let publicCaching = "public, max-age=31536000, immutable"

  /// The path of a public object.
  ///
  /// - Precondition: the key's audience is public.
  public static func path(of key: ObjectKey) -> String {
    precondition(key.audience == .public, "\(key) is not public: sign a link to it")
    return "/media/\(key)"
  }

  /// The path with which anybody may read `key` until `time`, to the second.
  public static func path(of key: ObjectKey, until time: Timestamp, signedWith keys: KeyRing) -> String {
    let second = time.microseconds / 1_000_000
    return "/media/\(key)?until=\(second)&signature=\(Base64URL.encode(keys.sign(text(key, second))))"
  }

  /// Whether `signature` lets its bearer read `key` until the second `until`, and that is not over.
  public static func isValid(
    _ signature: String, for key: ObjectKey, until second: Int64, now: Timestamp, keys: KeyRing
  ) -> Bool {
    guard now.microseconds / 1_000_000 < second, let code = Base64URL.decode(signature) else { return false }
    return keys.isValid(code, for: text(key, second))
  }

  private static func text(_ key: ObjectKey, _ second: Int64) -> [UInt8] { Array("\(key) \(second)".utf8) }
}
