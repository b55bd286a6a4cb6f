import FoundationEssentials

/// What a token says; a service adds members of its own. Names and meaning as in RFC 7519, section 4.1.
public protocol TokenClaims: Codable, Sendable {
  /// Who made it.
  var iss: String { get }
  /// Whom it is for.
  var aud: String { get }
  /// From when on it must not be accepted.
  var exp: Date { get }
  /// Before when it must not be accepted, if that matters.
  var nbf: Date? { get }
}

/// Mints signed tokens: JWTs (RFC 7519) in compact form, signed with Ed25519 (RFC 8037).
public struct TokenSigner: Sendable {
  private let key: SigningKey
  private let header: String

  /// A signer with `key`; its tokens carry the key's thumbprint as `kid`.
  public init(_ key: SigningKey) {
    self.key = key
    header = Base64URL.encode(#"{"alg":"EdDSA","kid":"\#(key.verifyingKey.thumbprint)","typ":"JWT"}"#.utf8)
  }

  /// A token that says `claims`.
  /// - Throws: what the claims' own encoding throws.
  public func mint(_ claims: some TokenClaims) throws -> String {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .secondsSince1970
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let signed = "\(header).\(Base64URL.encode(try encoder.encode(claims)))"
    return "\(signed).\(Base64URL.encode(key.sign(signed.utf8)))"
  }
}

/// Checks signed tokens: whether one was minted with a key of the set, for us, and holds now. Nothing in a token is
/// believed before its signature is checked, and the algorithm is ours to say, never the token's (RFC 8725).
public struct TokenVerifier: Sendable {
  /// A longer token is refused unread: 4,096 characters.
  public static let maximumLength = 4_096

  private let keys: JSONWebKeySet
  private let issuer: String
  private let audience: String
  private let leeway: TimeInterval

  /// A verifier of the tokens `issuer` makes for `audience`.
  /// - Parameter leeway: by how much the clocks may differ.
  public init(keys: JSONWebKeySet, issuer: String, audience: String, leeway: Duration = .seconds(5)) {
    self.keys = keys
    self.issuer = issuer
    self.audience = audience
    self.leeway = leeway / .seconds(1)
  }

  /// What `token` says.
  /// - Parameter now: the time by which it must hold.
  /// - Throws: the first reason not to accept it.
  public func verify<Claims: TokenClaims>(
    _ token: String, as _: Claims.Type = Claims.self, now: Date
  ) throws(TokenError) -> Claims {
    guard token.utf8.count <= Self.maximumLength else { throw .malformed }
    let parts = token.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 3, let signature = Base64URL.decode(parts[2]) else { throw .malformed }

    let header: Header = try Self.decode(parts[0])
    guard header.alg == "EdDSA", header.crit == nil, [nil, "JWT"].contains(header.typ) else { throw .unsupported }
    guard let kid = header.kid, let key = keys[kid] else { throw .unknownKey }
    let signed = token.utf8[..<parts[1].endIndex]
    guard key.isValid(signature, for: signed) else { throw .badSignature }

    let claims: Claims = try Self.decode(parts[1])
    guard claims.iss == issuer else { throw .wrongIssuer }
    guard claims.aud == audience else { throw .wrongAudience }
    guard now < claims.exp.addingTimeInterval(leeway) else { throw .expired }
    if let begin = claims.nbf, now < begin.addingTimeInterval(-leeway) { throw .notYetValid }
    return claims
  }

  private struct Header: Decodable {
    let alg: String
    let kid: String?
    let typ: String?
    let crit: [String]?
  }

  private static func decode<Value: Decodable>(_ part: Substring) throws(TokenError) -> Value {
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .secondsSince1970
    guard let bytes = Base64URL.decode(part), let value = try? decoder.decode(Value.self, from: Data(bytes)) else {
      throw .malformed
    }
    return value
  }
}

/// Why a token is not accepted.
public enum TokenError: Error, Equatable, Sendable {
  /// Not three parts of base64url and JSON, too long, or lacking a claim.
  case malformed
  /// Another algorithm or type than ours, or an extension we do not know.
  case unsupported
  /// Names no key, or one we do not have (any more).
  case unknownKey
  /// Not signed with the key it names, or changed since.
  case badSignature
  /// Not made by the expected issuer.
  case wrongIssuer
  /// Not made for us.
  case wrongAudience
  /// Its time is over.
  case expired
  /// Its time has not come.
  case notYetValid
}
