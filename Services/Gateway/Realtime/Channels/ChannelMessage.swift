import Contract
import Telemetry

/// What gateways tell one another about a channel, as it lies sealed in Redis.
enum ChannelMessage: Equatable {
  /// Something happened; data is JSON.
  case event(Event)
  /// A member is in the channel's list from now on.
  case memberAdded(MemberID, ChannelGrant.Listing)
  /// A member is in it no more.
  case memberRemoved(MemberID)

  /// Something that subscribers are told.
  struct Event: Equatable {
    let name: String
    let data: [UInt8]
    /// Only subscribers with this view are told; nil for all.
    var view: String?
    /// The client that sent it, which is not told itself.
    var sender: Sender?
    /// The step of a trace that it came from. It travels only if the trace is sampled.
    var trace: TraceContext?
  }

  /// A client that sent an event to the others.
  struct Sender: Equatable {
    let socket: SocketID
    let member: MemberID
  }

  private enum Tag: UInt8 {
    case event = 1
    case memberAdded, memberRemoved
    /// An event with a `traceparent` before it.
    case tracedEvent
  }

  /// The bytes to seal.
  var bytes: [UInt8] {
    var writer = Writer()
    switch self {
    case .event(let event):
      if let trace = event.trace, trace.isSampled {
        writer.write(Tag.tracedEvent.rawValue)
        writer.write(trace.traceparent)
      } else {
        writer.write(Tag.event.rawValue)
      }
      writer.write(event.name)
      writer.write(event.view)
      writer.write(event.sender?.socket.description)
      writer.write(event.sender?.member.description)
      writer.bytes += event.data
    case .memberAdded(let member, let listing):
      writer.write(Tag.memberAdded.rawValue)
      writer.write(member.description)
      writer.write(listing.name)
      writer.write(listing.avatar)
    case .memberRemoved(let member):
      writer.write(Tag.memberRemoved.rawValue)
      writer.write(member.description)
    }
    return writer.bytes
  }

  /// Reads what was sealed; nil for anything that this version does not write.
  init?(_ bytes: [UInt8]) {
    var reader = Reader(bytes)
    let tag = reader.byte().flatMap(Tag.init)
    switch tag {
    case .event, .tracedEvent:
      let trace = tag == .tracedEvent ? reader.text().flatMap { TraceContext(traceparent: $0.utf8) } : nil
      guard let name = reader.text(), let view = reader.optionalText(), let socket = reader.optionalText(),
        let member = reader.optionalText()
      else { return nil }
      var event = Event(name: name, data: reader.rest, view: view, trace: trace)
      if let socket = socket.flatMap(SocketID.init), let member = member.flatMap(MemberID.init) {
        event.sender = Sender(socket: socket, member: member)
      }
      self = .event(event)
    case .memberAdded:
      guard let member = reader.text().flatMap(MemberID.init), let name = reader.text(),
        let avatar = reader.optionalText()
      else { return nil }
      self = .memberAdded(member, ChannelGrant.Listing(name: name, avatar: avatar))
    case .memberRemoved:
      guard let member = reader.text().flatMap(MemberID.init) else { return nil }
      self = .memberRemoved(member)
    case nil: return nil
    }
  }

  /// Text goes after its length in two bytes; the length 65,535 stands for none.
  private struct Writer {
    var bytes: [UInt8] = []

    mutating func write(_ byte: UInt8) { bytes.append(byte) }

    mutating func write(_ text: String?) {
      guard let utf8 = text?.utf8.prefix(Int(UInt16.max) - 1) else {
        bytes += [0xff, 0xff]
        return
      }
      bytes += [UInt8(utf8.count >> 8), UInt8(utf8.count & 0xff)]
      bytes += utf8
    }
  }

  private struct Reader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var rest: [UInt8] { Array(bytes[position...]) }

    mutating func byte() -> UInt8? {
      guard position < bytes.count else { return nil }
      defer { position += 1 }
      return bytes[position]
    }

    mutating func text() -> String? { optionalText() ?? nil }

    /// Nil when the bytes end too early; the inner nil for no text.
    mutating func optionalText() -> String?? {
      guard let high = byte(), let low = byte() else { return nil }
      let count = Int(high) << 8 | Int(low)
      guard count != Int(UInt16.max) else { return .some(nil) }
      guard bytes.count - position >= count else { return nil }
      defer { position += count }
      return String(validating: bytes[position..<position + count], as: UTF8.self).map { .some($0) } ?? nil
    }
  }
}
