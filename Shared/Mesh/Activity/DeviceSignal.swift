public import Contract

/// What a gateway has seen of one device of a member.
public struct DeviceSignal: Sendable, Hashable {
  /// What it has seen.
  public enum Kind: UInt8, Sendable {
    /// A socket was opened.
    case opened = 0
    /// The member did something: a request, an event over a socket, a heartbeat.
    case active = 1
    /// The app came to the foreground.
    case foreground = 2
    /// The app went to the background.
    case background = 3
    /// A socket was closed in an orderly way.
    case closed = 4
    /// A socket broke off.
    case lost = 5
  }

  /// Whose device it is.
  public let member: MemberID
  /// The device: as the client names it, or else the sign-in's identifier. At most 64 bytes.
  public let device: String
  /// What was seen.
  public let kind: Kind
  /// The socket's number within its gateway; 0 for what came without a socket.
  public let connection: UInt32
  /// When it was seen.
  public let at: Timestamp

  /// Describes what was seen; a longer name of a device is cut.
  public init(member: MemberID, device: String, kind: Kind, connection: UInt32 = 0, at: Timestamp) {
    (self.member, self.kind, self.connection, self.at) = (member, kind, connection, at)
    self.device = device.utf8.count <= Self.nameLimit ? device : String(decoding: device.utf8.prefix(64), as: UTF8.self)
  }

  static let nameLimit = 64
}

/// What one gateway has seen since its last batch, of the members of one partition.
///
/// Each gateway sends a batch to every partition at least each 10 s, an empty one if need be: a gateway that is silent for
/// longer has died, and its sockets with it; or it is not heard. To tell the one from the other, whoever hears the gateways
/// sends batches to itself among theirs: trials.
public struct ActivityBatch: Sendable, Hashable {
  /// The gateway's process: new at each start.
  public let gateway: UniqueID
  /// The partition, 0..<24: the members that `partition(of:)` puts there.
  public let partition: Int
  /// When it was sent.
  public let at: Timestamp
  /// What was seen, in order.
  public let signals: [DeviceSignal]

  /// Makes a batch.
  public init(gateway: UniqueID, partition: Int, at: Timestamp, signals: [DeviceSignal]) {
    (self.gateway, self.partition, self.at, self.signals) = (gateway, partition, at, signals)
  }

  /// Whether no gateway has sent it, but whoever hears it.
  public var isTrial: Bool { gateway == Self.nobody }

  static let nobody = UniqueID(high: 0, low: 0)

  /// Into how many partitions the members are divided.
  public static let partitions = 24

  /// The partition of a member.
  public static func partition(of member: MemberID) -> Int {
    // The low half of a version 7 identifier is random.
    Int(member.value.low % UInt64(partitions))
  }

  private static let version: UInt8 = 1
  /// More signals than these do not travel together.
  static let limit = 4096

  var bytes: [UInt8] {
    var writer = EnvelopeWriter()
    writer.write(Self.version)
    writer.write(gateway)
    writer.write(at.microseconds)
    writer.write(UInt32(signals.count))
    for signal in signals {
      writer.write(signal.member.value)
      writer.write(signal.kind.rawValue)
      writer.write(signal.connection)
      writer.write(signal.at.microseconds)
      writer.write(signal.device)
    }
    return writer.bytes
  }

  /// Reads what travelled; nil for anything that this version does not write.
  init?(_ bytes: [UInt8], partition: Int) {
    var reader = EnvelopeReader(bytes)
    guard reader.byte() == Self.version, let gateway = reader.id(), let at = reader.number(Int64.self),
      let count = reader.number(UInt32.self), count <= Self.limit
    else { return nil }
    var signals: [DeviceSignal] = []
    signals.reserveCapacity(Int(count))
    for _ in 0..<count {
      guard let member = reader.id(), let kind = reader.byte().flatMap(DeviceSignal.Kind.init),
        let connection = reader.number(UInt32.self), let time = reader.number(Int64.self),
        let device = reader.string(), device.utf8.count <= DeviceSignal.nameLimit
      else { return nil }
      signals.append(
        DeviceSignal(
          member: ID(member), device: device, kind: kind, connection: connection, at: Timestamp(microseconds: time)))
    }
    guard reader.isAtEnd else { return nil }
    self.init(gateway: gateway, partition: partition, at: Timestamp(microseconds: at), signals: signals)
  }
}
