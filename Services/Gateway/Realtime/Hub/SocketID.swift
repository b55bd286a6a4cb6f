/// Names one connection of a client, in the form that Pusher's libraries know: "1234.5678".
///
/// The first number is the gateway's, so that any other finds it; both are random.
struct SocketID: Hashable, Sendable, LosslessStringConvertible {
  /// The process that owns the connection.
  let gateway: UInt64
  /// The connection in it.
  let number: UInt64

  init(gateway: UInt64, number: UInt64) { (self.gateway, self.number) = (gateway, number) }

  init?(_ description: String) {
    guard description.utf8.count <= 41 else { return nil }
    let parts = description.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count == 2, let gateway = Self.number(parts[0]), let number = Self.number(parts[1]) else { return nil }
    self.init(gateway: gateway, number: number)
  }

  private static func number(_ text: Substring) -> UInt64? {
    text.utf8.allSatisfy { $0.isASCIIDigit } ? UInt64(text) : nil
  }

  var description: String { "\(gateway).\(number)" }
}
