/// Why bytes from a client are not Engine.IO as it is spoken here.
public enum EngineIOError: String, Error, Hashable, CaseIterable, Sendable {
  case emptyPacket = "a packet without a type"
  case unknownType = "a packet of an unknown type"
  case unexpectedData = "data behind a packet that has none"
  case binary = "binary messages are not taken"
  case tooManyPackets = "too many packets in one payload"
  case notText = "a payload that is not UTF-8"
}

/// One packet of Engine.IO 4, the transport that Socket.IO stands on: a type, one digit, and what follows it.
///
/// Over WebSocket each text message is a packet; over long-polling a body carries several, see `EngineIOPayload`.
public struct EngineIOPacket: Hashable, Sendable {
  /// What a packet is for; the raw value is its first byte.
  public enum Kind: UInt8, Sendable {
    /// The server begins the session; see `EngineIOHandshake`.
    case open = 0x30
    /// The session ends.
    case close
    /// Asks for a pong. The server sends it each interval; a client only as `2probe`, to try another transport.
    case ping
    /// Answers a ping with its data.
    case pong
    /// Something of the protocol above.
    case message
    /// The client leaves polling for the transport that this is sent over.
    case upgrade
    /// Nothing: lets a waiting poll return.
    case noop
  }

  /// What it is for.
  public let kind: Kind
  /// What follows.
  public let data: ArraySlice<UInt8>

  /// Any packet.
  public init(_ kind: Kind, _ data: ArraySlice<UInt8> = []) { (self.kind, self.data) = (kind, data) }

  /// Reads one packet of text. Throws what is wrong with it.
  public init(_ text: ArraySlice<UInt8>) throws(EngineIOError) {
    guard let first = text.first else { throw .emptyPacket }
    // Polling carries binary messages as base64 behind a `b`.
    guard first != UInt8(ascii: "b") else { throw .binary }
    guard let kind = Kind(rawValue: first) else { throw .unknownType }
    let data = text.dropFirst()
    switch kind {
    case .close, .upgrade, .noop: guard data.isEmpty else { throw .unexpectedData }
    case .open, .ping, .pong, .message: break
    }
    self.init(kind, data)
  }

  /// The packet as text.
  public var text: [UInt8] { [kind.rawValue] + data }

  /// What both sides say on a transport that is being tried.
  public static let probe = Array("probe".utf8)
}

/// Several packets as one body of long-polling, with U+001E between them.
public enum EngineIOPayload {
  /// How many packets one body may carry; what the Python client takes at most, too.
  public static let packetLimit = 16

  private static let separator: UInt8 = 0x1E

  /// Reads the packets of a body. Throws what is wrong with it; then none of it counts.
  public static func packets(in body: [UInt8]) throws(EngineIOError) -> [EngineIOPacket] {
    var utf8 = UTF8Validator()
    guard body.withUnsafeBytes({ utf8.accepts($0) }), utf8.isComplete else { throw .notText }
    let parts = body.split(separator: separator, maxSplits: packetLimit, omittingEmptySubsequences: false)
    guard parts.count <= packetLimit else { throw .tooManyPackets }
    var packets: [EngineIOPacket] = []
    for part in parts { packets.append(try EngineIOPacket(part)) }
    return packets
  }

  /// A body of packets in their text form.
  public static func body(of packets: some Sequence<[UInt8]>) -> [UInt8] {
    Array(packets.joined(separator: [separator]))
  }
}

/// What the server begins a session with.
public struct EngineIOHandshake: Hashable, Sendable {
  /// Names the session; whoever knows it can speak in it.
  public var session: String
  /// Whether the client may go on over WebSocket.
  public var mayUpgrade: Bool
  /// How often the server pings.
  public var pingInterval: Duration
  /// How long after a ping each side waits before it gives the session up.
  public var pingTimeout: Duration
  /// How many bytes one body or message from the client may have.
  public var maximumPayload: Int

  /// A handshake for `session`, which consists of letters, digits and `-` or `_`.
  public init(
    session: String, mayUpgrade: Bool, pingInterval: Duration, pingTimeout: Duration, maximumPayload: Int
  ) {
    (self.session, self.mayUpgrade) = (session, mayUpgrade)
    (self.pingInterval, self.pingTimeout, self.maximumPayload) = (pingInterval, pingTimeout, maximumPayload)
  }

  /// The open packet as text.
  public var text: [UInt8] {
    let upgrades = mayUpgrade ? #"["websocket"]"# : "[]"
    let json =
      #"0{"sid":"\#(session)","upgrades":\#(upgrades),"pingInterval":\#(Self.milliseconds(pingInterval)),"#
      + #""pingTimeout":\#(Self.milliseconds(pingTimeout)),"maxPayload":\#(maximumPayload)}"#
    return Array(json.utf8)
  }

  private static func milliseconds(_ duration: Duration) -> Int64 { Int64((duration / .milliseconds(1)).rounded()) }
}
