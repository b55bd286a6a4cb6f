import Contract
import Wire

/// What a client is told in Socket.IO, as text.
enum SocketIOText {
  /// The members of an event that no client can set.
  private static let ours: Set<String> = ["channel", "position", "userId"]

  /// Something about a channel, as every subscriber is told it.
  static func text(_ delivery: Delivery) -> [UInt8] {
    let (name, data) = event(delivery)
    return SocketIOMessage.event(name, data)
  }

  /// The same with the offset that the client shows when it comes back.
  static func recoverableText(_ delivery: Delivery) -> [UInt8] {
    guard let position = delivery.position else { return text(delivery) }
    let (name, data) = event(delivery)
    return SocketIOMessage.event(
      name, data, JSONQuoting.quoted(DeliveryLog.offset(of: delivery.channel, position)))
  }

  private static func event(_ delivery: Delivery) -> (name: String, data: [UInt8]) {
    var members = [("channel", JSONTree.string("\(delivery.channel)"))]
    if let position = delivery.position { members.append(("position", .string("\(position)"))) }
    switch delivery.content {
    case .event(let name, let data, nil):
      return (name, join(JSONTree.object(members).bytes, data))
    case .event(let name, let data, let sender?):
      // What comes from a client cannot pass for what comes from us.
      members.append(("userId", .string("\(sender)")))
      guard let value = try? JSONValue.parse(data), value.kind == .object else {
        return (name, join(JSONTree.object(members).bytes, data))
      }
      members += value.members.filter { !ours.contains($0.name) }.map { ($0.name, .encoded($0.value.text)) }
      return (name, JSONTree.object(members).bytes)
    case .memberAdded(let member, let listing):
      return ("presence.joined", JSONTree.object(members + Self.member(member, listing)).bytes)
    case .memberRemoved(let member):
      members.append(("userId", .string("\(member)")))
      return ("presence.left", JSONTree.object(members).bytes)
    case .missed(let position):
      members.append(("position", .string("\(position)")))
      return ("skillmesh:missed", JSONTree.object(members).bytes)
    }
  }

  /// Two objects as one; where `data` is none, it becomes the member `data`.
  private static func join(_ object: [UInt8], _ data: [UInt8]) -> [UInt8] {
    let opening = data.firstIndex { !isSpace($0) } ?? data.endIndex
    guard opening < data.endIndex, data[opening] == UInt8(ascii: "{") else {
      return object.dropLast() + Array(#","data":"#.utf8) + data + [UInt8(ascii: "}")]
    }
    let rest = data[(opening + 1)...]
    guard let first = rest.first(where: { !isSpace($0) }), first != UInt8(ascii: "}") else { return object }
    return object.dropLast() + [UInt8(ascii: ",")] + rest
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") || byte == UInt8(ascii: "\t")
  }

  private static func member(_ member: MemberID, _ listing: ChannelGrant.Listing) -> [(String, JSONTree)] {
    [
      ("userId", .string("\(member)")), ("name", .string(listing.name)),
      ("avatar", listing.avatar.map { .string($0) } ?? .null),
    ]
  }

  // MARK: Acknowledgements

  /// It was done.
  static let done = Array(#"{"ok":true}"#.utf8)

  /// The subscription stands.
  static func subscribed(_ channel: Channel, _ subscribed: Subscribed) -> [UInt8] {
    var answer: [(String, JSONTree)] = [
      ("ok", .boolean(true)), ("position", .string("\(subscribed.position)")),
    ]
    if channel.kind == .presence {
      answer.append(("members", .array(subscribed.members.map { .object(member($0.member, $0.listing)) })))
    }
    return JSONTree.object(answer).bytes
  }

  /// It was not done.
  static func refused(_ refusal: RealtimeRefusal) -> [UInt8] {
    JSONTree.object([
      ("ok", .boolean(false)), ("code", .string(refusal.code)), ("message", .string(refusal.detail)),
    ]).bytes
  }

  // MARK: Events of our own

  /// The subscription stands no more.
  static func unsubscribed(_ channel: Channel, _ refusal: RealtimeRefusal) -> [UInt8] {
    SocketIOMessage.event(
      "skillmesh:unsubscribed",
      JSONTree.object([
        ("channel", .string("\(channel)")), ("code", .string(refusal.code)), ("message", .string(refusal.detail)),
      ]).bytes)
  }

  /// The connection ends, and why.
  static func closing(_ code: String, _ message: String) -> [UInt8] {
    SocketIOMessage.event(
      "skillmesh:closing", JSONTree.object([("code", .string(code)), ("message", .string(message))]).bytes)
  }
}
