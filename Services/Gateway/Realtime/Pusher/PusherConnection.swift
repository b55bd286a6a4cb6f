import Contract
import EventLoop
import HTTP
import Telemetry
import Wire

/// One client that speaks the Pusher Channels protocol.
@Loop final class PusherConnection: WebSocketDelegate, Subscriber {
  private let pusher: Pusher
  private let socket: WebSocketConnection
  /// Nil for a client that cannot be served.
  private var session: Session?
  /// What is left of the messages of all kinds that it may send.
  private var messages = EventAllowance(perSecond: Pusher.messagesPerSecond)
  /// Why this side has ended it, if it has.
  private var ended: PusherError?

  /// Greets the client, or says why it cannot be served.
  init(
    _ socket: WebSocketConnection, of pusher: Pusher, refusing error: PusherError?, device: String?,
    trace: TraceContext?
  ) {
    (self.socket, self.pusher) = (socket, pusher)
    session = error == nil ? pusher.realtime.open(self, device: device, trace: trace) : nil
    if let session {
      socket.send(PusherText.established(session.id, activityTimeout: Pusher.activityTimeout))
    } else {
      let reason = error ?? .overCapacity
      end(reason, reason.meaning)
    }
  }

  private func end(_ error: PusherError, _ message: String) {
    ended = error
    socket.send(PusherText.error(error, message))
    socket.close(WebSocketClose(WebSocketCloseCode(rawValue: error.rawValue), reason: message))
  }

  // MARK: The client's side

  func received(_ message: WebSocketMessage, on connection: WebSocketConnection) {
    guard let session, !session.isClosed, ended == nil else { return }
    guard messages.take(at: Loop.now) else { return end(.overCapacity, "Too many messages.") }
    guard case .text(let bytes) = message, let envelope = try? JSONValue.parse(bytes),
      let event = envelope["event"]?.string
    else { return reject("A message is a JSON object with an event.") }
    switch event {
    case "pusher:ping": socket.send(PusherText.pong)
    case "pusher:pong": break
    case "pusher:subscribe": subscribe(session, envelope)
    case "pusher:unsubscribe": unsubscribe(session, envelope)
    case _ where event.hasPrefix("client-"): pass(event, envelope, from: session)
    default: reject("There is no event \(event.prefix(64)) that clients may send.")
    }
  }

  func closed(_ connection: WebSocketConnection, _ close: WebSocketClose) {
    guard let session else { return }
    let isGoodbye = [WebSocketCloseCode.normal, .goingAway, .noStatus].contains(close.code)
    let limits = pusher.sockets.limits
    let wasSilent = close.code.rawValue == PusherError.silent.rawValue
    // Whoever is sent away for good does not come back any more than who says goodbye.
    pusher.realtime.close(
      session, isOrderly: ended.map { $0 == .unauthorized } ?? isGoodbye,
      silentFor: wasSilent ? limits.pingAfter + limits.pongTime : .zero)
  }

  private func reject(_ message: String) { socket.send(PusherText.error(.rejected, message)) }

  private func subscribe(_ session: Session, _ envelope: JSONValue) {
    guard let data = Self.payload(envelope), let name = data["channel"]?.string else {
      return reject("A subscription names its channel.")
    }
    guard let channel = Channel(name) else {
      return refuse(name, RealtimeRefusal(422, "invalid_channel", "No channel can have this name."))
    }
    if channel.kind != .open {
      let auth = data["auth"]?.string ?? ""
      guard pusher.signatures.isValid(auth, session.id, channel, data["channel_data"]?.string) else {
        return refuse(name, .badSignature)
      }
    }
    // A place that cannot be read is none that the history reaches.
    let position = data["position"]?.string.map { Position($0) ?? Position(epoch: .max, offset: 0) }
    pusher.realtime.activity.active(session)
    pusher.realtime.subscribe(session, to: channel, after: position) { [self] result in
      switch result {
      case .success(let subscribed): socket.send(PusherText.subscribed(channel, subscribed))
      case .failure(.unsubscribed): break
      case .failure(let refusal): refuse(name, refusal)
      }
    }
  }

  private func refuse(_ channel: String, _ refusal: RealtimeRefusal) {
    let channel = String(channel.prefix(164))
    if (401...404).contains(refusal.status) {
      socket.send(PusherText.error(.unauthorized, refusal.detail, channel: channel))
    }
    socket.send(PusherText.unsubscribed(channel, refusal))
  }

  private func unsubscribe(_ session: Session, _ envelope: JSONValue) {
    guard let channel = Self.payload(envelope)?["channel"]?.string.flatMap(Channel.init) else {
      return reject("Whoever unsubscribes names a channel.")
    }
    pusher.realtime.activity.active(session)
    pusher.realtime.unsubscribe(session, from: channel)
  }

  /// The payload, which some libraries send as an object and some as a string of JSON.
  private static func payload(_ envelope: JSONValue) -> JSONValue? {
    guard let data = envelope["data"] else { return nil }
    guard let text = data.string else { return data }
    return try? JSONValue.parse(Array(text.utf8))
  }

  /// Passes on an event of this client.
  private func pass(_ event: String, _ envelope: JSONValue, from session: Session) {
    guard let channel = envelope["channel"]?.string.flatMap(Channel.init), channel.kind != .open else {
      return reject("Client events go to private and presence channels only.")
    }
    let data = Self.data(of: envelope)
    Task.immediate { @Loop [self] in
      do throws(RealtimeRefusal) {
        try await pusher.realtime.send(
          String(event.dropFirst("client-".count)), relayedAs: event, data, on: channel, from: session)
      } catch {
        socket.send(PusherText.error(.clientEventRejected, error.detail, channel: "\(channel)"))
      }
    }
  }

  /// The payload of a client's event as JSON. What a library sends as a string may be JSON itself, or just a string.
  private static func data(of envelope: JSONValue) -> [UInt8] {
    guard let data = envelope["data"] else { return Array("{}".utf8) }
    guard let text = data.string else { return data.text }
    let bytes = Array(text.utf8)
    do throws(JSONError) {
      try JSONText.check(bytes)
      return bytes
    } catch {
      return data.text
    }
  }

  // MARK: The channels' side

  func deliver(_ delivery: Delivery) { socket.send(delivery.frame(.pusher, PusherText.text)) }

  func expelled(from channel: Channel, _ refusal: RealtimeRefusal) { refuse("\(channel)", refusal) }

  func close(_ reason: Closing) {
    guard ended == nil else { return }
    switch reason {
    case .draining: end(.reconnect, "This gateway ends; connect again.")
    case .expired: end(.reconnect, "The access token has expired; connect again with a new one.")
    case .revoked: end(.unauthorized, "This sign-in was ended.")
    case .tooMany: end(.overQuota, PusherError.overQuota.meaning)
    case .tooSlow: end(.overCapacity, "Messages are not taken fast enough.")
    }
  }
}

extension PusherError {
  /// For people.
  var meaning: String {
    switch self {
    case .unknownApplication: "There is no application of this key."
    case .overQuota: "There are too many connections of this member."
    case .malformedVersion: "The protocol's version is not a number."
    case .unsupportedVersion: "This version of the protocol is not spoken here: 5 to 7 are."
    case .noVersion: "Name the protocol's version: ?protocol=7."
    case .unauthorized: "This is not authorised."
    case .overCapacity: "This gateway has too many connections; come back in a while."
    case .reconnect: "Connect again."
    case .silent: "No pong was received; connect again."
    case .rejected: "This message was not understood."
    case .clientEventRejected: "This event was not passed on."
    }
  }
}

extension RealtimeRefusal {
  fileprivate static let badSignature = RealtimeRefusal(
    401, "bad_signature", "The signature is not for this socket and channel: ask POST /api/v1/realtime/auth for one.")
}
