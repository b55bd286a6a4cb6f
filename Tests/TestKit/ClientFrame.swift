/// One WebSocket frame as a client sends it, right or wrong in whatever way a test wants.
public struct ClientFrame: Sendable {
  /// The first byte: final and reserved bits, opcode.
  public var first: UInt8
  /// What it carries, in clear.
  public var payload: [UInt8]
  /// The masking key; nil leaves out the masking.
  public var mask: [UInt8]?
  /// The length as it is written; the shortest form when nil.
  public var length: [UInt8]?

  /// Any frame.
  public init(first: UInt8, payload: [UInt8], mask: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D], length: [UInt8]? = nil) {
    (self.first, self.payload, self.mask, self.length) = (first, payload, mask, length)
  }

  /// A message of text, or its first fragment.
  public static func text(_ text: String, isFinal: Bool = true) -> ClientFrame {
    ClientFrame(first: isFinal ? 0x81 : 0x01, payload: Array(text.utf8))
  }

  /// A message of bytes.
  public static func binary(_ payload: [UInt8]) -> ClientFrame { ClientFrame(first: 0x82, payload: payload) }

  /// A further fragment.
  public static func more(_ text: String, isFinal: Bool = false) -> ClientFrame {
    ClientFrame(first: isFinal ? 0x80 : 0x00, payload: Array(text.utf8))
  }

  /// A ping.
  public static func ping(_ text: String) -> ClientFrame { ClientFrame(first: 0x89, payload: Array(text.utf8)) }

  /// A pong.
  public static func pong(_ text: String) -> ClientFrame { ClientFrame(first: 0x8A, payload: Array(text.utf8)) }

  /// A Close frame with any payload.
  public static func close(_ payload: [UInt8]) -> ClientFrame { ClientFrame(first: 0x88, payload: payload) }

  /// A Close frame.
  public static func close(_ code: UInt16, _ reason: String = "") -> ClientFrame {
    close([UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
  }

  /// The frame on the wire.
  public var bytes: [UInt8] {
    let count = payload.count
    let shortest: [UInt8] =
      switch count {
      case ..<126: [UInt8(count)]
      case ..<65_536: [126, UInt8(count >> 8), UInt8(count & 0xFF)]
      default: [127] + (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * $0)) }
      }
    var length = length ?? shortest
    guard let mask else { return [first] + length + payload }
    length[0] |= 0x80
    return [first] + length + mask + payload.enumerated().map { $1 ^ mask[$0 % 4] }
  }
}

/// The bytes of frames, one behind the other.
public func stream(_ frames: ClientFrame...) -> [UInt8] { frames.flatMap(\.bytes) }
