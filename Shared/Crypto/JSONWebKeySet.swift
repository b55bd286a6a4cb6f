/// The public keys that tokens may be signed with, by key id, in the form `/.well-known/jwks.json` has (RFC 7517, RFC
/// 8037). During a rotation it holds the new key and the old one.
public struct JSONWebKeySet: Codable, Sendable {
  /// A set with more keys is refused.
  public static let maximumCount = 32

  private let keys: [String: VerifyingKey]

  /// The set of `keys`, each under its thumbprint.
  public init(_ keys: [VerifyingKey]) {
    precondition(keys.count <= Self.maximumCount, "a key set holds at most \(Self.maximumCount) keys")
    self.keys = Dictionary(keys.map { ($0.thumbprint, $0) }) { first, _ in first }
  }

  /// The key of that id.
  public subscript(id: String) -> VerifyingKey? { keys[id] }

  private enum Member: CodingKey { case keys }

  private struct Entry: Codable {
    let kty: String
    let crv: String?
    let x: String?
    let kid: String?
    let use: String?
    let alg: String?

    /// The key, if it is one that signs with Ed25519.
    var verifyingKey: VerifyingKey? {
      guard kty == "OKP", crv == "Ed25519", [nil, "EdDSA"].contains(alg), [nil, "sig"].contains(use) else { return nil }
      return x.flatMap { Base64URL.decode($0) }.flatMap { VerifyingKey($0) }
    }
  }

  /// Reads a set. Keys of other kinds are left out, as RFC 7517 asks.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: Member.self)
    let entries = try container.decode([Entry].self, forKey: .keys)
    guard entries.count <= Self.maximumCount else {
      throw DecodingError.dataCorruptedError(
        forKey: .keys, in: container, debugDescription: "more than \(Self.maximumCount) keys")
    }
    let known = entries.compactMap { entry in entry.verifyingKey.map { (entry.kid ?? $0.thumbprint, $0) } }
    keys = Dictionary(known) { first, _ in first }
  }

  /// Writes the set, ordered by key id.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Member.self)
    let entries = keys.sorted { $0.key < $1.key }.map { id, key in
      Entry(kty: "OKP", crv: "Ed25519", x: Base64URL.encode(key.bytes), kid: id, use: "sig", alg: "EdDSA")
    }
    try container.encode(entries, forKey: .keys)
  }
}

extension VerifyingKey {
  /// The name the key itself determines: base64url of the SHA-256 of its members in canonical form (RFC 7638).
  public var thumbprint: String {
    Base64URL.encode(SHA256.hash(#"{"crv":"Ed25519","kty":"OKP","x":"\#(Base64URL.encode(bytes))"}"#.utf8))
  }
}
