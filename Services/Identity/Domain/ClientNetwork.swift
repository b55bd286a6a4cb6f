import Foundation

/// What one customer of a network is usually given, and all of whose addresses count as one client: an address of
/// version 4, the first 64 bits of one of version 6.
struct ClientNetwork: Hashable {
  /// The bytes that tell it from others.
  let bytes: [UInt8]

  /// The network of an address in its usual text.
  init(of address: String) {
    var version6 = in6_addr()
    bytes =
      inet_pton(AF_INET6, address, &version6) == 1
      ? withUnsafeBytes(of: version6) { Array($0.prefix(8)) } : Array(address.utf8)
  }
}
