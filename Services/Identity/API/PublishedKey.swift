import Contract

/// The keys that access tokens are signed with, under their ids. Every gateway keeps a copy; a key is there before the
/// first token that was signed with it, and until after the last has expired.
public struct PublishedKey: SharedState, Equatable {
  public static let topic = "identity.keys"

  /// The id of the key: its thumbprint (RFC 7638).
  public let kid: String
  /// The public half.
  public let jwk: PublicKeys.Key

  /// Publishes a key under its id.
  public init(_ key: PublicKeys.Key) { (kid, jwk) = (key.kid, key) }
}
