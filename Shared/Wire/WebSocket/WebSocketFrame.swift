/// One frame as a server sends it: whole, final, not masked. Its bytes can be sent to any number of clients. A client
/// sends `bytes(maskedWith:)`.
public struct WebSocketFrame: Hashable, Sendable {
  /// The frame on the wire.
  public let bytes: [UInt8]

  enum Opcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
  }

  /// The most that a control frame may carry, in bytes.
  static let controlLimit = 125

  /// A message of text in UTF-8.
  public init(text: [UInt8]) { self.init(.text, text) }

  /// A message of text.
  public init(text: String) { self.init(.text, text.utf8) }

  /// A message of bytes.
  public init(binary: [UInt8]) { self.init(.binary, binary) }

  /// Asks the peer for a sign of life.
  public static let ping = WebSocketFrame(.ping, [UInt8]())

  /// Answers a ping with what it carried.
  public init(pong payload: [UInt8]) { self.init(.pong, payload.prefix(Self.controlLimit)) }

  /// Ends the connection. The reason is cut to the 123 bytes that fit, between two characters.
  ///
  /// - Precondition: the code may be sent, or is `noStatus`; then the frame is empty.
  public init(_ close: WebSocketClose) {
    precondition(close.code.mayBeSent || close.code == .noStatus, "A Close frame cannot carry \(close.code)")
    var payload: [UInt8] = []
    if close.code != .noStatus {
      payload = [UInt8(close.code.rawValue >> 8), UInt8(close.code.rawValue & 0xFF)]
      for character in close.reason.unicodeScalars {
        guard payload.count + UTF8.width(character) <= Self.controlLimit, let units = UTF8.encode(character) else {
          break
        }
        payload.append(contentsOf: units)
      }
    }
    self.init(.close, payload)
  }

  /// The frame as a client sends it: its payload is masked with `key`, which is to be new and unpredictable for each frame
  /// (§5.3).
  public func bytes(maskedWith key: UInt32) -> [UInt8] {
    let head = bytes[1] < 126 ? 2 : bytes[1] == 126 ? 4 : 10
    let mask = withUnsafeBytes(of: key.bigEndian) { Array($0) }
    var masked = bytes[..<head] + mask
    masked[1] |= 0x80
    masked.reserveCapacity(bytes.count + 4)
    for (index, byte) in bytes[head...].enumerated() { masked.append(byte ^ mask[index % 4]) }
    return Array(masked)
  }

  private init(_ opcode: Opcode, _ payload: some Collection<UInt8>) {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(payload.count + 10)
    bytes.append(0x80 | opcode.rawValue)
    switch payload.count {
    case ..<126: bytes.append(UInt8(payload.count))
    case ..<65_536:
      bytes.append(126)
      withUnsafeBytes(of: UInt16(payload.count).bigEndian) { bytes.append(contentsOf: $0) }
    default:
      bytes.append(127)
      withUnsafeBytes(of: UInt64(payload.count).bigEndian) { bytes.append(contentsOf: $0) }
    }
    bytes.append(contentsOf: payload)
    self.bytes = bytes
  }
}
