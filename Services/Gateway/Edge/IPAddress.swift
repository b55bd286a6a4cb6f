import Glibc
import Telemetry

/// An address of the Internet protocol, of either version. One of version 4 is kept as version 6 maps it (RFC 4291,
/// section 2.5.5.2), so that `127.0.0.1` and `::ffff:127.0.0.1` are the same.
struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  private let high: UInt64
  private let low: UInt64

  private static let mappedPrefix: UInt64 = 0xffff

  /// Takes the halves of the sixteen bytes, in network order.
  init(high: UInt64, low: UInt64) { (self.high, self.low) = (high, low) }

  /// Reads the usual text of an address, without port, brackets or zone; nil for anything else.
  init?(_ text: some StringProtocol) {
    let text = String(text)
    guard text.utf8.count < Int(INET6_ADDRSTRLEN) else { return nil }
    var version4 = in_addr()
    if inet_pton(AF_INET, text, &version4) == 1 {
      self.init(high: 0, low: Self.mappedPrefix << 32 | UInt64(UInt32(bigEndian: version4.s_addr)))
      return
    }
    var version6 = in6_addr()
    guard inet_pton(AF_INET6, text, &version6) == 1 else { return nil }
    self = withUnsafeBytes(of: version6) { raw in
      IPAddress(
        high: UInt64(bigEndian: raw.load(as: UInt64.self)),
        low: UInt64(bigEndian: raw.load(fromByteOffset: 8, as: UInt64.self)))
    }
  }

  var isVersion4: Bool { high == 0 && low >> 32 == Self.mappedPrefix }

  /// What one customer is usually given: the address of version 4, the /64 of version 6.
  var household: IPAddress { isVersion4 ? self : IPAddress(high: high, low: 0) }

  /// The address with all but its first `bits` of 128 zeroed.
  func prefix(_ bits: Int) -> IPAddress {
    IPAddress(
      high: bits >= 64 ? high : high & ~(UInt64.max >> UInt64(bits)),
      low: bits <= 64 ? 0 : bits == 128 ? low : low & ~(UInt64.max >> UInt64(bits - 64)))
  }

  /// The usual text.
  var description: String {
    var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    if isVersion4 {
      var address = in_addr(s_addr: UInt32(truncatingIfNeeded: low).bigEndian)
      inet_ntop(AF_INET, &address, &buffer, socklen_t(buffer.count))
    } else {
      var halves = (high.bigEndian, low.bigEndian)
      inet_ntop(AF_INET6, &halves, &buffer, socklen_t(buffer.count))
    }
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// Addresses with a common beginning: `10.0.0.0/8`, `fd00::/8`, or a single address.
struct Network: Hashable, Sendable, OptionValue {
  private let first: IPAddress
  private let bits: Int

  static var expected: String { "a network such as 10.0.0.0/8, or an address" }

  init?(option text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(parts[0]) else { return nil }
    let width = address.isVersion4 ? 32 : 128
    guard let length = parts.count == 2 ? Int(parts[1]) : width, (0...width).contains(length) else { return nil }
    bits = 128 - width + length
    first = address.prefix(bits)
  }

  var optionText: String { "\(first)/\(first.isVersion4 ? bits - 96 : bits)" }

  func contains(_ address: IPAddress) -> Bool { address.prefix(bits) == first }
}
