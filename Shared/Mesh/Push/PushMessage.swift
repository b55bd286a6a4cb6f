public import Contract
import Crypto
import Kafka
import Wire

/// A push on its way from a service to the gateways.
public struct PushMessage: Sendable, Hashable {
  /// What is to be done with it.
  public enum Kind: UInt8, Sendable {
    /// It goes to the channel's subscribers and into its history.
    case kept = 0
    /// It goes to the channel's subscribers of the moment.
    case passing = 1
    /// The channel's grants are to be asked for again: what they rest on has changed.
    case recheck = 2
  }

  /// Identifies it; a duplicate has the same.
  public let id: UniqueID
  /// The service that sends it.
  public let source: String
  /// What is to be done.
  public let kind: Kind
  /// Where it goes.
  public let channel: Channel
  /// The event's name.
  public let name: String
  /// Those subscribers alone who were granted this view; nil for all.
  public let view: String?
  /// The payload: one JSON value. Empty in a recheck.
  public let data: [UInt8]

  init(
    id: UniqueID, source: String, kind: Kind, channel: Channel, name: String = "", view: String? = nil,
    data: [UInt8] = []
  ) {
    (self.id, self.source, self.kind, self.channel) = (id, source, kind, channel)
    (self.name, self.view, self.data) = (name, view, data)
  }

  init<P: Push>(_ push: P, id: UniqueID, source: String, to channel: Channel, view: String?) throws {
    self.init(
      id: id, source: source, kind: P.isKept ? .kept : .passing, channel: channel, name: P.name, view: view,
      data: try JSONEncoding.bytes(of: push))
  }

  /// The purpose for which a service's key is derived to seal pushes.
  static let keyPurpose = "pushes"
  private static let version: UInt8 = 1

  /// The message as it lies in the outbox and in Kafka: a head in clear, which is the associated data of the sealed payload.
  struct Sealed: Sendable, Hashable {
    let head: [UInt8]
    let body: [UInt8]
  }

  func sealed(by ring: KeyRing) -> Sealed {
    var writer = EnvelopeWriter()
    writer.write(Self.version)
    writer.write(source)
    writer.write(id)
    writer.write(kind.rawValue)
    writer.write(channel.description)
    writer.write(name)
    writer.write(UInt8(view == nil ? 0 : 1))
    if let view { writer.write(view) }
    return Sealed(head: writer.bytes, body: ring.seal(data, context: writer.bytes))
  }

  /// Opens what a service has sealed; `ring` gives the key for the service that the head names.
  ///
  /// Nil for a head of another version; throws `SealError` for what does not open.
  init?(_ sealed: Sealed, _ ring: (_ source: String) -> KeyRing?) throws(SealError) {
    var reader = EnvelopeReader(sealed.head)
    guard reader.byte() == Self.version, let source = reader.string(), let id = reader.id(),
      let kind = reader.byte().flatMap(Kind.init), let channel = reader.string().flatMap(Channel.init),
      let name = reader.string(), let hasView = reader.byte(), hasView <= 1
    else { return nil }
    let view = hasView == 1 ? reader.string() : nil
    guard reader.isAtEnd, hasView == 0 || view != nil, let ring = ring(source) else { return nil }
    self.init(
      id: id, source: source, kind: kind, channel: channel, name: name, view: view,
      data: try ring.open(sealed.body, context: sealed.head))
  }
}

extension ChannelGrant {
  /// Adds what the subscriber is told first.
  public mutating func greet<P: Push>(with push: P) throws {
    greetings.append(Greeting(name: P.name, data: String(decoding: try JSONEncoding.bytes(of: push), as: UTF8.self)))
  }
}
