/// Why a WebSocket connection ends, as a number (RFC 6455 §7.4).
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  /// The number on the wire.
  public let rawValue: UInt16
  /// Any number; `mayBeSent` says whether it may stand in a Close frame.
  public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The purpose is fulfilled.
  public static let normal = Self(rawValue: 1000)
  /// A server goes down, or a browser leaves the page.
  public static let goingAway = Self(rawValue: 1001)
  /// The other side broke the protocol.
  public static let protocolError = Self(rawValue: 1002)
  /// A kind of message that is not taken here.
  public static let unsupportedData = Self(rawValue: 1003)
  /// The Close frame named no code. Never sent.
  public static let noStatus = Self(rawValue: 1005)
  /// The connection was lost without a Close frame. Never sent.
  public static let abnormal = Self(rawValue: 1006)
  /// A text that is not UTF-8.
  public static let invalidPayload = Self(rawValue: 1007)
  /// A rule of the application was broken.
  public static let policyViolation = Self(rawValue: 1008)
  /// A message over the limit.
  public static let messageTooBig = Self(rawValue: 1009)
  /// Something went wrong here.
  public static let internalError = Self(rawValue: 1011)
  /// Come back later, as the peer does not keep up or the server has too much to do.
  public static let tryAgainLater = Self(rawValue: 1013)

  /// Whether a Close frame may carry it: those that the RFC and its registry define for that, and 3000-4999 for libraries
  /// and applications.
  public var mayBeSent: Bool {
    switch rawValue {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }

  /// The number.
  public var description: String { String(rawValue) }
}

/// What a Close frame says.
public struct WebSocketClose: Hashable, Sendable {
  /// Why; `noStatus` when the frame is empty.
  public let code: WebSocketCloseCode
  /// The same for people; at most 123 bytes.
  public let reason: String

  /// A code and a reason for people.
  public init(_ code: WebSocketCloseCode, reason: String = "") { (self.code, self.reason) = (code, reason) }

  /// Tells the peer how it broke the protocol.
  public init(_ violation: WebSocketViolation) { self.init(violation.closeCode, reason: violation.rawValue) }
}

/// How a peer broke WebSocket. The raw value is the reason in the Close frame it gets.
public enum WebSocketViolation: String, Error, Hashable, CaseIterable, Sendable {
  case reservedBits = "reserved bits are set, but no extension was agreed on"
  case unknownOpcode = "unknown opcode"
  case notMasked = "frames from a client must be masked"
  case masked = "frames from a server must not be masked"
  case fragmentedControl = "a control frame is fragmented"
  case longControl = "a control frame holds more than 125 bytes"
  case longLengthForm = "a length is not in its shortest form"
  case lengthTooLarge = "a length has more than 63 bits"
  case nothingToContinue = "a continuation without a message before it"
  case unfinishedMessage = "a new message before the last one was complete"
  case halfCloseCode = "a Close frame with one byte"
  case invalidCloseCode = "a close code that may not be sent"
  case invalidText = "a text that is not UTF-8"
  case messageTooBig = "the message is larger than allowed"

  /// What to close the connection with.
  public var closeCode: WebSocketCloseCode {
    switch self {
    case .invalidText: .invalidPayload
    case .messageTooBig: .messageTooBig
    default: .protocolError
    }
  }
}
