import Contract
import EventLoop
import Telemetry
import Wire

/// One client that speaks Socket.IO.
@Loop final class SocketIOClient: EngineIODelegate, Subscriber {
  private let server: SocketIO
  private let engine: EngineIOSession
  /// The trace that the client has asked for.
  private let trace: TraceContext?
  /// Nil until the client has joined the namespace.
  private var session: Session?
  /// What is left of the messages of all kinds that it may send.
  private var messages = EventAllowance(perSecond: SocketIO.messagesPerSecond)
  /// Whether this side has ended it.
  private var isEnded = false
  /// What is needed to go on after the connection was lost, if the client can.
  private var recovery: Recovery?
  /// What came while the client's subscriptions were being made again.
  private var held: [Delivery]?

  init(_ engine: EngineIOSession, of server: SocketIO, trace: TraceContext?) {
    (self.engine, self.server, self.trace) = (engine, server, trace)
  }

  private var realtime: Realtime { server.realtime }

  // MARK: The client's side

  var hasJoined: Bool { session != nil }

  func received(_ message: ArraySlice<UInt8>) {
    guard !isEnded else { return }
    guard messages.take(at: Loop.now) else { return end("rate_limited", "Too many messages.") }
    do throws(SocketIOError) {
      switch try SocketIOPacket(message) {
      case .connect(let namespace, let auth): join(namespace, auth)
      case .disconnect: leave()
      case .event(let event): if let session, held == nil { take(event, from: session) }
      case .ack: break
      }
    } catch {
      end("bad_packet", "A packet was not understood: \(error).")
    }
  }

  func closed(isOrderly: Bool, silentFor silence: Duration) {
    if let recovery { server.recoveries.abandon(recovery, by: self) }
    recovery = nil
    part(isOrderly: isOrderly, silentFor: silence)
  }

  /// The client is no longer in the namespace, and does not come back to where it was.
  private func part(isOrderly: Bool, silentFor silence: Duration = .zero) {
    if let recovery { server.recoveries.end(recovery) }
    if let session { realtime.close(session, isOrderly: isOrderly, silentFor: silence) }
    (session, recovery) = (nil, nil)
  }

  /// The client has come back over another connection.
  func superseded() {
    recovery = nil
    engine.drop()
  }

  private func join(_ namespace: String, _ auth: JSONValue?) {
    guard namespace == "/" else {
      return send(
        SocketIOMessage.connectError(namespace: namespace, message: "Invalid namespace", code: "invalid_namespace"))
    }
    guard session == nil else { return end("bad_packet", "The namespace was joined before.") }
    do throws(RealtimeRefusal) {
      let signedIn = try signIn(auth?["token"]?.string)
      let device = auth?["deviceId"]?.string.map { String($0.prefix(64)) }
      guard let session = realtime.open(self, device: device, trace: trace) else { throw .overloaded }
      do throws(RealtimeRefusal) {
        try realtime.signIn(session, as: signedIn)
      } catch {
        realtime.close(session, isOrderly: false)
        throw error
      }
      self.session = session
      welcome(session, signedIn.member, auth)
    } catch {
      send(SocketIOMessage.connectError(namespace: "/", message: error.detail, code: error.code))
    }
  }

  private func signIn(_ token: String?) throws(RealtimeRefusal) -> SignedIn {
    guard let token else { throw .noToken }
    do throws(Rejection) {
      return try server.signIn(token)
    } catch {
      throw RealtimeRefusal(error.problem.status, error.problem.code, error.problem.detail)
    }
  }

  /// Says that the client has joined; before that, makes its subscriptions again if it comes back.
  private func welcome(_ session: Session, _ member: MemberID, _ auth: JSONValue?) {
    guard auth?["recovery"]?.boolean == true else {
      return send(SocketIOMessage.connected(session: session.id.description))
    }
    if let id = auth?["pid"]?.string, let recovery = server.recoveries.take(id, for: member, by: self) {
      self.recovery = recovery
      if let positions = recovery.log.positions(after: auth?["offset"]?.string) {
        return recover(recovery, positions, session)
      }
    }
    welcomeAnew(session, member)
  }

  private func welcomeAnew(_ session: Session, _ member: MemberID) {
    if let recovery { server.recoveries.end(recovery) }
    let recovery = server.recoveries.begin(session.id.description, of: member, owner: self)
    self.recovery = recovery
    send(SocketIOMessage.connected(session: recovery.name, recovery: recovery.id))
  }

  private func recover(_ recovery: Recovery, _ positions: [Channel: Position], _ session: Session) {
    held = []
    var outstanding = positions.count + 1
    var isWhole = true
    func settle() {
      outstanding -= 1
      guard outstanding == 0, self.session === session else { return }
      let deliveries = held ?? []
      held = nil
      if isWhole {
        recovery.log = DeliveryLog(positions)
        send(SocketIOMessage.connected(session: recovery.name, recovery: recovery.id))
        for delivery in deliveries { deliver(delivery) }
      } else {
        for channel in positions.keys { realtime.unsubscribe(session, from: channel) }
        welcomeAnew(session, recovery.member)
      }
    }
    for (channel, position) in positions {
      realtime.subscribe(session, to: channel, after: position) { result in
        if (try? result.get())?.position != position { isWhole = false }
        settle()
      }
    }
    settle()
  }

  /// The client leaves the namespace; there is no other to stay for.
  private func leave() {
    isEnded = true
    part(isOrderly: true)
    engine.expectEnd()
  }

  // MARK: Events

  private func take(_ event: SocketIOEvent, from session: Session) {
    guard event.namespace == "/" else { return }
    let argument = event.arguments.first
    switch event.name {
    case "subscribe": subscribe(session, argument, event.number)
    case "unsubscribe": unsubscribe(session, argument, event.number)
    case "authenticate": authenticate(session, argument, event.number)
    case "activity": note(session, argument, event.number)
    default: pass(event, argument, from: session)
    }
  }

  private func subscribe(_ session: Session, _ argument: JSONValue?, _ number: UInt64?) {
    guard let channel = argument?["channel"]?.string.flatMap(Channel.init) else {
      return refuse(number, .invalidChannel)
    }
    // A place that cannot be read is none that the history reaches.
    let position = argument?["position"]?.string.map { Position($0) ?? Position(epoch: .max, offset: 0) }
    realtime.activity.active(session)
    realtime.subscribe(session, to: channel, after: position) { [self] result in
      switch result {
      case .success(let subscribed):
        recovery?.log.subscribe(channel, at: subscribed.position)
        acknowledge(number, SocketIOText.subscribed(channel, subscribed))
      case .failure(let refusal): refuse(number, refusal)
      }
    }
  }

  private func unsubscribe(_ session: Session, _ argument: JSONValue?, _ number: UInt64?) {
    guard let channel = argument?["channel"]?.string.flatMap(Channel.init) else {
      return refuse(number, .invalidChannel)
    }
    realtime.activity.active(session)
    let wasSubscribed = realtime.unsubscribe(session, from: channel)
    recovery?.log.unsubscribe(channel)
    wasSubscribed ? acknowledge(number, SocketIOText.done) : refuse(number, .notSubscribed)
  }

  /// The client shows a later token, so that it can stay.
  private func authenticate(_ session: Session, _ argument: JSONValue?, _ number: UInt64?) {
    do throws(RealtimeRefusal) {
      try realtime.signIn(session, as: try signIn(argument?["token"]?.string))
      acknowledge(number, SocketIOText.done)
    } catch {
      refuse(number, error)
    }
  }

  private func note(_ session: Session, _ argument: JSONValue?, _ number: UInt64?) {
    guard session.clientEvents.take(at: Loop.now) else { return refuse(number, .tooFast) }
    switch argument?["appState"]?.string {
    case nil: realtime.activity.active(session)
    case "foreground": realtime.activity.moved(session, toForeground: true)
    case "background": realtime.activity.moved(session, toForeground: false)
    default: return refuse(number, .invalidAppState)
    }
    acknowledge(number, SocketIOText.done)
  }

  /// Passes on what services or other clients take.
  private func pass(_ event: SocketIOEvent, _ argument: JSONValue?, from session: Session) {
    let prefix = "client-"
    let isRelayed = event.name.hasPrefix(prefix)
    let channel: Channel?
    if let name = argument?["channel"] {
      guard let named = name.string.flatMap(Channel.init) else { return refuse(event.number, .invalidChannel) }
      channel = named
    } else {
      channel = nil
    }
    guard !isRelayed || channel.map({ $0.kind != .open }) == true else { return refuse(event.number, .invalidChannel) }
    let name = isRelayed ? String(event.name.dropFirst(prefix.count)) : event.name
    let data = argument?.text ?? Array("{}".utf8)
    Task.immediate { @Loop [self] in
      do throws(RealtimeRefusal) {
        try await realtime.send(name, relayedAs: isRelayed ? event.name : nil, data, on: channel, from: session)
        acknowledge(event.number, SocketIOText.done)
      } catch {
        refuse(event.number, error)
      }
    }
  }

  private func acknowledge(_ number: UInt64?, _ answer: [UInt8]) {
    if let number { send(SocketIOMessage.ack(number, answer)) }
  }

  private func refuse(_ number: UInt64?, _ refusal: RealtimeRefusal) {
    acknowledge(number, SocketIOText.refused(refusal))
  }

  // MARK: The channels' side

  func deliver(_ delivery: Delivery) {
    guard let recovery else {
      return engine.send(
        text: delivery.text(.socketIO, SocketIOText.text), frame: delivery.frame(.socketIO, SocketIOText.text))
    }
    guard held == nil else {
      held?.append(delivery)
      return
    }
    if case .missed(let position) = delivery.content {
      recovery.log.add(delivery.channel, position)
    } else if let position = delivery.position {
      recovery.log.add(delivery.channel, position)
    }
    engine.send(
      text: delivery.text(.recoverableSocketIO, SocketIOText.recoverableText),
      frame: delivery.frame(.recoverableSocketIO, SocketIOText.recoverableText))
  }

  func expelled(from channel: Channel, _ refusal: RealtimeRefusal) {
    recovery?.log.unsubscribe(channel)
    send(SocketIOText.unsubscribed(channel, refusal))
  }

  func close(_ reason: Closing) {
    switch reason {
    case .draining, .tooSlow:
      // Clients whose transport ends come back by themselves.
      engine.close()
    case .expired: end("token_expired", "The access token has expired; connect again with a new one.")
    case .tooMany: end("too_many_connections", "You have too many connections; close some.")
    case .revoked: end("revoked", "This sign-in was ended.")
    }
  }

  /// Says why, and sends the client away for good: it does not come back by itself.
  private func end(_ code: String, _ message: String) {
    guard !isEnded else { return }
    isEnded = true
    send(SocketIOText.closing(code, message))
    send(SocketIOMessage.disconnect)
    part(isOrderly: true)
    engine.expectEnd()
  }

  private func send(_ text: [UInt8]) { engine.send(text) }
}

extension RealtimeRefusal {
  fileprivate static let noToken = RealtimeRefusal(
    401, "not_signed_in", "Connect with the access token: auth: {token}.")
  fileprivate static let overloaded = RealtimeRefusal(
    503, "overloaded", "This gateway takes no more connections now; try again in a moment.")
  fileprivate static let invalidChannel = RealtimeRefusal(
    422, "invalid_channel", "Name a channel: {channel}. No channel can have this name.")
  fileprivate static let invalidAppState = RealtimeRefusal(
    422, "invalid_app_state", "appState is foreground or background.")
}
