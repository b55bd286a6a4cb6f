/// One side of a WebSocket connection after its handshake (RFC 6455): bytes in, messages out.
///
///     var machine = WebSocketMachine(messageLimit: 64 * 1024)
///     while let event = try machine.next(&input) { … }
///
/// It makes whole messages of fragments, answers nothing by itself, and takes the bytes however they are cut up on
/// arrival. Memory follows what has arrived, never what a length claims; between messages it holds no buffer.
///
/// A connection ends when each side has sent one Close frame. `close` makes ours, once; after `Event.close`, or after a
/// violation, whatever else comes is swallowed.
public struct WebSocketMachine: Sendable {
  /// Whose frames are read here: a client's are masked, a server's are not (§5.1).
  public enum Peer: UInt8, Sendable {
    case client, server
  }

  /// What `next` found.
  public enum Event: Hashable, Sendable {
    /// A message of text, checked to be UTF-8.
    case text([UInt8])
    /// A message of bytes.
    case binary([UInt8])
    /// The peer wants `WebSocketFrame(pong:)` with the same bytes.
    case ping([UInt8])
    /// The peer answers a ping, or just shows that it lives.
    case pong([UInt8])
    /// The peer ends the connection. Send `close(WebSocketClose(code))`, if that gives a frame, and close the socket.
    case close(WebSocketClose)
  }

  private enum State: UInt8, Sendable {
    /// What of a frame comes next.
    case opcode, length, length16, length64, mask, payload
    /// Nothing counts any more.
    case over
  }

  /// How many bytes a message may have.
  public let messageLimit: Int
  /// Who is at the other end.
  public let peer: Peer

  /// The payload of the message that is coming in, as far as it has come.
  private var message: [UInt8] = []
  /// The same of a control frame, which may come in between.
  private var control: [UInt8] = []
  /// How long the payload of the current frame is, and how much of it is missing.
  private var length: UInt64 = 0
  private var missing: UInt64 = 0
  private var mask: UInt32 = 0
  private var text = UTF8Validator()
  private var state = State.opcode
  private var opcode = WebSocketFrame.Opcode.continuation
  /// What the message that is coming in began with; `continuation` when there is none.
  private var kind = WebSocketFrame.Opcode.continuation
  private var isFinal = true
  /// Bytes of the length or the mask that are missing.
  private var missingOfHead: UInt8 = 0
  /// Whether our Close frame has been made.
  public private(set) var isClosing = false

  /// A machine for a new connection with `peer`, whose messages may have up to `messageLimit` bytes.
  public init(messageLimit: Int, peer: Peer = .client) { (self.messageLimit, self.peer) = (messageLimit, peer) }

  /// Whether the peer has ended the connection, or broken it.
  public var isOver: Bool { state == .over }

  /// Takes bytes from the front of `input` up to the next event. Nil when there are too few: call again with more.
  ///
  /// After `close` only the peer's own Close is reported.
  ///
  /// - Throws: how the peer broke the protocol: send `close(WebSocketClose(violation))`; nothing more can be read.
  public mutating func next(_ input: inout UnsafeRawBufferPointer) throws(WebSocketViolation) -> Event? {
    do throws(WebSocketViolation) {
      while state != .over, !input.isEmpty {
        if state == .payload {
          try readPayload(&input)
        } else {
          try readHead(input.take(1)[0])
        }
        guard state == .payload, missing == 0 else { continue }
        state = .opcode
        guard let event = try completeFrame() else { continue }
        if case .close = event { end() } else if isClosing { continue }
        return event
      }
    } catch {
      end()
      _ = input.take(input.count)
      throw error
    }
    if state == .over { _ = input.take(input.count) }
    return nil
  }

  /// Our Close frame; nil when it has been made before.
  public mutating func close(_ close: WebSocketClose) -> WebSocketFrame? {
    guard !isClosing else { return nil }
    isClosing = true
    return WebSocketFrame(close)
  }

  private mutating func end() {
    state = .over
    message = []
    control = []
  }

  // MARK: Head

  private mutating func readHead(_ byte: UInt8) throws(WebSocketViolation) {
    switch state {
    case .opcode: try readOpcode(byte)
    case .length: try readLength(byte)
    case .length16, .length64:
      length = length << 8 | UInt64(byte)
      missingOfHead -= 1
      guard missingOfHead == 0 else { return }
      guard length >> 63 == 0 else { throw .lengthTooLarge }
      guard length > (state == .length16 ? 125 : 65_535) else { throw .longLengthForm }
      try completeLength()
    case .mask:
      mask = mask << 8 | UInt32(byte)
      missingOfHead -= 1
      if missingOfHead == 0 { state = .payload }
    case .payload, .over: preconditionFailure("no head is read now")
    }
  }

  private mutating func readOpcode(_ byte: UInt8) throws(WebSocketViolation) {
    guard byte & 0x70 == 0 else { throw .reservedBits }
    guard let opcode = WebSocketFrame.Opcode(rawValue: byte & 0x0F) else { throw .unknownOpcode }
    self.opcode = opcode
    isFinal = byte & 0x80 != 0
    switch opcode {
    case .close, .ping, .pong: guard isFinal else { throw .fragmentedControl }
    case .continuation: guard kind != .continuation else { throw .nothingToContinue }
    case .text, .binary:
      guard kind == .continuation else { throw .unfinishedMessage }
      kind = opcode
    }
    state = .length
  }

  private mutating func readLength(_ byte: UInt8) throws(WebSocketViolation) {
    guard (byte & 0x80 != 0) == (peer == .client) else { throw peer == .client ? .notMasked : .masked }
    length = UInt64(byte & 0x7F)
    guard length > 125 else { return try completeLength() }
    guard !opcode.isControl else { throw .longControl }
    (state, missingOfHead) = length == 126 ? (.length16, 2) : (.length64, 8)
    length = 0
  }

  private mutating func completeLength() throws(WebSocketViolation) {
    guard opcode.isControl || length <= UInt64(messageLimit - message.count) else { throw .messageTooBig }
    missing = length
    (state, missingOfHead) = peer == .client ? (.mask, 4) : (.payload, 0)
  }

  // MARK: Payload

  private mutating func readPayload(_ input: inout UnsafeRawBufferPointer) throws(WebSocketViolation) {
    let bytes = input.take(Int(min(missing, UInt64(input.count))))
    // The key goes on where the last piece of this payload ended.
    let turn = UInt32(truncatingIfNeeded: length - missing) % 4 * 8
    let key = UInt32(bigEndian: mask << turn | mask >> ((32 - turn) % 32))
    missing -= UInt64(bytes.count)
    if opcode.isControl {
      Self.append(bytes, unmaskedWith: key, to: &control)
      return
    }
    let start = message.count
    Self.append(bytes, unmaskedWith: key, to: &message)
    guard kind == .text else { return }
    let isText = message.withUnsafeBytes { text.accepts(UnsafeRawBufferPointer(rebasing: $0[start...])) }
    guard isText else { throw .invalidText }
  }

  private static func append(_ bytes: UnsafeRawBufferPointer, unmaskedWith key: UInt32, to plain: inout [UInt8]) {
    let start = plain.count
    plain.append(contentsOf: bytes)
    guard key != 0 else { return }
    plain.withUnsafeMutableBytes { all in
      var index = start
      let wideKey = UInt64(key) << 32 | UInt64(key)
      while index + 8 <= all.count {
        let word = all.loadUnaligned(fromByteOffset: index, as: UInt64.self)
        all.storeBytes(of: word ^ wideKey, toByteOffset: index, as: UInt64.self)
        index += 8
      }
      withUnsafeBytes(of: key) { key in
        for (position, index) in (index..<all.count).enumerated() { all[index] ^= key[position % 4] }
      }
    }
  }

  private mutating func completeFrame() throws(WebSocketViolation) -> Event? {
    if opcode.isControl {
      let payload = control
      control = []
      switch opcode {
      case .ping: return .ping(payload)
      case .pong: return .pong(payload)
      default: return .close(try Self.readClose(payload))
      }
    }
    guard isFinal else { return nil }
    let (payload, isText) = (message, kind == .text)
    message = []
    kind = .continuation
    guard isText else { return .binary(payload) }
    guard text.isComplete else { throw .invalidText }
    return .text(payload)
  }

  private static func readClose(_ payload: [UInt8]) throws(WebSocketViolation) -> WebSocketClose {
    if payload.isEmpty { return WebSocketClose(.noStatus) }
    guard payload.count >= 2 else { throw .halfCloseCode }
    let code = WebSocketCloseCode(rawValue: UInt16(payload[0]) << 8 | UInt16(payload[1]))
    guard code.mayBeSent else { throw .invalidCloseCode }
    guard let reason = String(validating: payload[2...], as: UTF8.self) else { throw .invalidText }
    return WebSocketClose(code, reason: reason)
  }
}
