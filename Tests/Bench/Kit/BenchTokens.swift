import Crypto
import EventLoop
import Foundation
import Kafka

/// Access tokens as identity writes them, by a key of the benchmark's own.
@Loop public struct BenchTokens {
  private let key = SigningKey()

  /// Makes the key.
  public init() {}

  /// Tells the gateways of the key. The topic is there when one of them has started.
  public func publish(to brokers: String) async throws {
    let thumbprint = key.verifyingKey.thumbprint
    let jwk = #"{"kty":"OKP","crv":"Ed25519","x":"\#(Base64URL.encode(key.verifyingKey.bytes))"}"#
    let producer = try Producer(KafkaConfiguration(brokers: brokers, clientID: "bench"))
    _ = try await producer.produce(
      to: producer.topic("identity.keys"), partition: 0, key: Array(thumbprint.utf8),
      value: Array(#"{"kid":"\#(thumbprint)","jwk":\#(jwk)}"#.utf8))
    try await producer.close(within: .seconds(5))
  }

  /// A member's token, which holds for an hour.
  public func token(of member: String) throws -> String {
    let now = Date()
    return try TokenSigner(key).mint(Claims(exp: now.addingTimeInterval(3600), iat: now, sub: member))
  }

  private struct Claims: TokenClaims {
    var iss = "skillmesh"
    var aud = "skillmesh"
    var exp: Date
    var nbf: Date?
    var iat: Date
    var sub: String
    var sid = UUID().uuidString.lowercased()
    var role = "member"
  }
}
