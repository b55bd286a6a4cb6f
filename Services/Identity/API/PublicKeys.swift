import Contract

/// The keys that access tokens are signed with, for whoever checks them (RFC 7517, RFC 8037).
public struct PublicKeys: Endpoint {
  public static let name = "identity.public-keys"
  public static let route: Route? = .get("/.well-known/jwks.json", .anyone)

  /// The public half of one key.
  public struct Key: Codable, Sendable, Equatable {
    /// The kind of key: "OKP".
    public let kty: String
    /// The curve: "Ed25519".
    public let crv: String
    /// The 32 bytes in base64url.
    public let x: String
    /// The name by which tokens call it.
    public let kid: String
    /// What it is for: "sig".
    public let use: String
    /// The algorithm: "EdDSA".
    public let alg: String

    /// An Ed25519 key that checks signatures.
    public init(kid: String, x: String) {
      (self.kid, self.x) = (kid, x)
      (kty, crv, use, alg) = ("OKP", "Ed25519", "sig", "EdDSA")
    }
  }

  /// The set: keys to come, the one in use, and those before it.
  public struct Reply: Codable, Sendable {
    /// The keys.
    public let keys: [Key]

    /// Lists keys.
    public init(keys: [Key]) { self.keys = keys }
  }

  /// Asks for the set.
  public init() {}
}
