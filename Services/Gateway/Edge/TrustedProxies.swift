/// Who really asks, where proxies stand between the client and us.
///
/// What `X-Forwarded-For` and `X-Forwarded-Proto` say is believed only as far as trusted proxies wrote it: each proxy
/// appends the address it was asked from, so the list is read from its end, up to the first address that is not a
/// trusted proxy's. What stands before that may be anybody's invention.
struct TrustedProxies: Sendable {
  let networks: [Network]

  func trusts(_ address: IPAddress) -> Bool { networks.contains { $0.contains(address) } }

  /// The client's address.
  /// - Parameters:
  ///   - peer: the other end of the connection.
  ///   - forwardedFor: the header's lines joined by commas.
  func client(of peer: IPAddress, forwardedFor: String?) -> IPAddress {
    guard let forwardedFor, trusts(peer) else { return peer }
    var client = peer
    for entry in forwardedFor.split(separator: ",", omittingEmptySubsequences: false).reversed() {
      guard let address = IPAddress(entry.drop { $0 == " " }.prefix { $0 != " " }) else { return client }
      client = address
      if !trusts(address) { return client }
    }
    return client
  }

  /// Whether the client's connection is encrypted, as a trusted proxy says.
  func isEncrypted(from peer: IPAddress, forwardedProto: String?) -> Bool {
    forwardedProto == "https" && trusts(peer)
  }
}
