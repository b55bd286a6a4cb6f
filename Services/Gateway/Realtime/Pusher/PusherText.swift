import Contract
import Wire

/// What a client is told in the Pusher Channels protocol, as text. Payloads are JSON inside a string of JSON.
enum PusherText {
  /// Something about a channel, as every subscriber is told it.
  static func text(_ delivery: Delivery) -> [UInt8] {
    switch delivery.content {
    case .event(let name, let data, let sender):
      var text = envelope(name, delivery.channel, data)
      if let sender { append("user_id", "\(sender)", to: &text) }
      if let position = delivery.position { append("position", "\(position)", to: &text) }
      return text + closing
    case .memberAdded(let member, let listing):
      let data = Array(channelData(member, listing).utf8)
      return envelope("pusher_internal:member_added", delivery.channel, data) + closing
    case .memberRemoved(let member):
      let data = JSONTree.object([("user_id", .string("\(member)"))]).bytes
      return envelope("pusher_internal:member_removed", delivery.channel, data) + closing
    case .missed(let position):
      let data = JSONTree.object([("position", .string("\(position)"))]).bytes
      var text = envelope("skillmesh:missed", delivery.channel, data)
      append("position", "\(position)", to: &text)
      return text + closing
    }
  }

  /// The first thing on a connection.
  static func established(_ socket: SocketID, activityTimeout: Int) -> WebSocketFrame {
    let data = JSONTree.object([
      ("socket_id", .string("\(socket)")), ("activity_timeout", .integer(activityTimeout)),
    ])
    return frame("pusher:connection_established", data)
  }

  /// The subscription stands.
  static func subscribed(_ channel: Channel, _ subscribed: Subscribed) -> WebSocketFrame {
    var data = JSONTree.object([] as [(String, JSONTree)])
    if channel.kind == .presence {
      let members = subscribed.members
      data = .object([
        (
          "presence",
          .object([
            ("ids", .array(members.map { .string("\($0.member)") })),
            ("hash", .object(members.map { ("\($0.member)", info($0.listing)) })),
            ("count", .integer(members.count)),
          ])
        )
      ])
    }
    var text = envelope("pusher_internal:subscription_succeeded", channel, data.bytes)
    append("position", "\(subscribed.position)", to: &text)
    return WebSocketFrame(text: text + closing)
  }

  /// The subscription does not stand, or stands no more.
  static func unsubscribed(_ channel: String, _ refusal: RealtimeRefusal) -> WebSocketFrame {
    let data = JSONTree.object([
      ("type", .string(refusal.status < 500 ? "AuthError" : "ServerError")), ("error", .string(refusal.detail)),
      ("status", .integer(refusal.status)), ("code", .string(refusal.code)),
    ])
    return WebSocketFrame(text: envelope("pusher:subscription_error", channel, data.bytes) + closing)
  }

  /// Something is wrong; with which channel, if it is about one.
  static func error(_ error: PusherError, _ message: String, channel: String? = nil) -> WebSocketFrame {
    // Unlike other payloads this one is an object, as Pusher sends it.
    var members: [(String, JSONTree)] = [
      ("event", .string("pusher:error")),
      ("data", .object([("code", .integer(Int(error.rawValue))), ("message", .string(message))])),
    ]
    if let channel { members.append(("channel", .string(channel))) }
    return WebSocketFrame(text: JSONTree.object(members).bytes)
  }

  /// The answer to a ping.
  static let pong = frame("pusher:pong", .object([] as [(String, JSONTree)]))

  /// Who subscribes to a presence channel, as it is signed and as others see it.
  static func channelData(_ member: MemberID, _ listing: ChannelGrant.Listing?) -> String {
    let members: [(String, JSONTree)] =
      [("user_id", .string("\(member)"))] + (listing.map { [("user_info", info($0))] } ?? [])
    return String(decoding: JSONTree.object(members).bytes, as: UTF8.self)
  }

  private static func info(_ listing: ChannelGrant.Listing) -> JSONTree {
    .object([("name", .string(listing.name)), ("avatar", listing.avatar.map { .string($0) } ?? .null)])
  }

  private static func frame(_ event: String, _ data: JSONTree) -> WebSocketFrame {
    WebSocketFrame(
      text: JSONTree.object([
        ("event", .string(event)), ("data", .string(String(decoding: data.bytes, as: UTF8.self))),
      ]).bytes)
  }

  // MARK: Envelopes

  private static let closing = [UInt8(ascii: "}")]

  /// An envelope that is still open: event, channel, and the payload as a string.
  private static func envelope(_ event: String, _ channel: some CustomStringConvertible, _ data: [UInt8]) -> [UInt8] {
    var text: [UInt8] = []
    text.reserveCapacity(data.count + data.count / 4 + 192)
    text += #"{"event":"#.utf8
    JSONQuoting.append(event, to: &text)
    text += #","channel":"#.utf8
    JSONQuoting.append(channel.description, to: &text)
    text += #","data":"#.utf8
    JSONQuoting.append(data, to: &text)
    return text
  }

  private static func append(_ name: String, _ value: String, to text: inout [UInt8]) {
    text += #",""#.utf8
    text += name.utf8
    text += #"":"#.utf8
    JSONQuoting.append(value, to: &text)
  }
}

/// What the Pusher Channels protocol calls by numbers: 4000-4099 say not to come back as one is, 4100-4199 to come back
/// after a while, 4200-4299 to come back at once, 4300-4399 that one message was wrong.
enum PusherError: UInt16 {
  case unknownApplication = 4001
  case overQuota = 4004
  case malformedVersion = 4006
  case unsupportedVersion = 4007
  case noVersion = 4008
  case unauthorized = 4009
  case overCapacity = 4100
  case reconnect = 4200
  case silent = 4201
  case rejected = 4300
  case clientEventRejected = 4301
}
