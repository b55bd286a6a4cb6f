/// A host and a TCP port: `127.0.0.1:9092`, `localhost:9092`, `[::1]:9092`.
public struct HostPort: OptionValue, Hashable, CustomStringConvertible, ExpressibleByStringLiteral {
  /// A name or an address; IPv6 addresses without their brackets.
  public let host: String
  /// 0 lets the system choose when listening.
  public let port: UInt16

  /// That host and port.
  public init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// A literal that is known to be well-formed.
  public init(stringLiteral text: String) {
    guard let value = HostPort(option: text) else { preconditionFailure("not a host and port: \(text)") }
    self = value
  }

  /// What to write.
  public static var expected: String { "HOST:PORT such as 127.0.0.1:9092" }

  /// Splits at the last colon.
  public init?(option text: String) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else { return nil }
    var host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      host = host.dropFirst().dropLast()
      guard host.contains(":"), host.utf8.allSatisfy({ isHexDigit($0) || $0 == 0x3A || $0 == 0x2E }) else { return nil }
    } else {
      guard host.utf8.allSatisfy({ isHostCharacter($0) }) else { return nil }
    }
    guard (1...253).contains(host.utf8.count) else { return nil }
    self.init(host: String(host), port: port)
  }

  /// With brackets around an IPv6 address.
  public var optionText: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  /// As it would be typed.
  public var description: String { optionText }
}

private func isHostCharacter(_ byte: UInt8) -> Bool {
  switch byte {
  case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: true
  default: false
  }
}

private func isHexDigit(_ byte: UInt8) -> Bool {
  (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte) || (0x41...0x46).contains(byte)
}
