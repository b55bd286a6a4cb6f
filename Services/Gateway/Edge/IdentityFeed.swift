import Contract
import Crypto
import EventLoop
import Mesh
import Telemetry
import Wire

/// What identity tells every gateway, in two compacted topics that are read whole before the gateway is ready:
///
/// - `identity.keys`, by key id: the public keys that access tokens are signed with. A new key is published before the
///   first token that it signs, and removed (a record without value) when the last such token has expired.
///
///       key    kid, the thumbprint of RFC 7638
///       value  {"kid": "…", "jwk": {"kty": "OKP", "crv": "Ed25519", "x": "…"}}
///
/// - `identity.revocations`, by `session:<id>` or `member:<id>`: whose access tokens are refused though they have not
///   expired. A record without value takes the revocation back.
///
///       value  {"until": "2026-03-01T09:30:00Z", "reason": "suspended" | "banned" | "revoked" | "reset"}
///
/// A revocation of a member refuses all sign-ins, later ones too; to end those that there are (after a reset of the
/// password), revoke each session. `until` need not be later than the expiry of the last token that it is about.
@Loop struct IdentityFeed {
  nonisolated static let keys = "identity.keys"
  nonisolated static let revocations = "identity.revocations"

  let edge: Edge
  let log: Log

  /// Takes a record of `identity.keys`. One that cannot be read is left out, and changes nothing.
  func apply(key id: String, _ value: [UInt8]?) {
    guard let value else { return edge.tokens.setKey(nil, id) }
    do {
      let record = try FieldDecoding.decode(KeyRecord.self, from: value)
      guard record.kid == id, let key = record.jwk.verifyingKey, key.thumbprint == id else {
        return log.error("a key of identity is not what its id says", ["kid": id])
      }
      edge.tokens.setKey(key, id)
    } catch {
      log.error("a key of identity cannot be read", ["kid": id, "error": "\(error)"])
    }
  }

  /// Takes a record of `identity.revocations`. One that cannot be read refuses its subject for good: that errs on the
  /// safe side.
  func apply(revocation subject: String, _ value: [UInt8]?) {
    guard let value else { return edge.tokens.setRevocation(nil, of: subject) }
    do {
      edge.tokens.setRevocation(try FieldDecoding.decode(from: value), of: subject)
    } catch {
      log.error("a revocation cannot be read", ["subject": subject, "error": "\(error)"])
      edge.tokens.setRevocation(Revocation(until: Timestamp(microseconds: .max), reason: .revoked), of: subject)
    }
  }

  private struct KeyRecord: Decodable {
    struct Key: Decodable {
      let kty: String
      let crv: String
      let x: String

      var verifyingKey: VerifyingKey? {
        guard kty == "OKP", crv == "Ed25519" else { return nil }
        return Base64URL.decode(x).flatMap { VerifyingKey($0) }
      }
    }

    let kid: String
    let jwk: Key
  }
}
