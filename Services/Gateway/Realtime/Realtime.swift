import Contract
import Crypto
import EventLoop
import Mesh
import Redis
import Telemetry

/// The realtime side of a gateway: what the dialects (`Pusher`, `SocketIO`) are thin layers over.
///
/// **Overview.** A service's push comes from Kafka to one gateway (`Pump`), which puts it into its channel's history in
/// Redis and publishes it; every gateway with subscribers hears it (`Hub`) and writes it to their sockets. A dialect opens
/// a `Session` for each connection, has it signed in, and subscribes it; `Admission` asks the channel's owner. `Seats` and
/// `Roster` keep the lists of members of presence channels.
///
/// **Concurrency.** All on the loop. A subscription is one task while it is being made, and nothing afterwards.
///
/// **Bounds.** Sockets in all and of one member, subscriptions of one socket, events a socket may send, what may wait for
/// it (`WebSockets.Limits`); see `Options`.
@Loop final class Realtime {
  /// Bounds.
  struct Options {
    /// Sockets of all clients.
    var connections = 50_000
    /// Sockets of one member at this gateway.
    var connectionsOfMember = 100
    /// Channels that one socket may listen to.
    var subscriptions = 200
    /// Events that one socket may send in a second.
    var clientEvents = 10
    /// Bytes of an event's payload that a client sends.
    var clientEventSize = 10_240
  }

  /// This process, among the gateways.
  let gateway: UInt64
  let options: Options
  let hub: Hub
  let admission: Admission
  let activity: DeviceActivity
  let log: Log
  let metrics: RealtimeMetrics
  private let revocations: @Loop () -> Revocations
  let traces: Traces
  private var sessions: [UInt64: Session] = [:]
  private var members: [MemberID: [Session]] = [:]
  private var sweeper: LoopTimer?
  private var random = BufferedRandom()
  private(set) var isDraining = false
  /// Grants that are to be asked for again.
  var rechecks = FIFO<Recheck>()
  var rechecksUnderWay = 0

  private static let sweepInterval = Duration.seconds(2)

  init(
    _ options: Options = Options(), gateway: UInt64, hub: Hub, ask: @escaping Edge.Ask, activity: DeviceActivity,
    revocations: @escaping @Loop () -> Revocations, traces: Traces = Traces(perSecond: 0), log: Log,
    metrics: RealtimeMetrics
  ) {
    (self.options, self.gateway, self.hub, self.activity) = (options, gateway, hub, activity)
    (self.revocations, self.traces, self.log, self.metrics) = (revocations, traces, log, metrics)
    admission = Admission(ask: ask)
    hub.recheck = { [unowned self] in recheck($0) }
    hub.wasForgotten = { [unowned self] in
      for session in sessions.values { activity.isOpen(session) }
    }
  }

  /// Begins to look after sessions.
  func start() { sweep() }

  /// No more sessions are opened; the dialects say farewell to those that there are.
  func drain() { isDraining = true }

  /// Ends everything.
  func close() {
    isDraining = true
    sweeper?.cancel()
    hub.close()
  }

  // MARK: Sessions

  var connectionCount: Int { sessions.count }

  /// A client has connected. Nil when there are too many, or this gateway ends: tell it to try another.
  /// - Parameters:
  ///   - device: what the client calls itself; its sign-in stands for the device when it says nothing.
  ///   - trace: what its client asks for; see `Traces`.
  func open(_ subscriber: any Subscriber, device: String? = nil, trace: TraceContext? = nil) -> Session? {
    guard !isDraining, sessions.count < options.connections else { return nil }
    let id = SocketID(gateway: gateway, number: random.next())
    let session = Session(
      id, subscriber, device: device, clientEvents: options.clientEvents, trace: trace)
    sessions[id.number] = session
    metrics.connections.set(sessions.count)
    return session
  }

  /// The session of a socket, if it is one of this process.
  func session(_ id: SocketID) -> Session? { id.gateway == gateway ? sessions[id.number] : nil }

  /// Says who is at the other end; again with a later token of the same member.
  ///
  /// Throws a refusal: another member is signed in over it, the member has too many, or was revoked meanwhile.
  func signIn(_ session: Session, as signedIn: SignedIn) throws(RealtimeRefusal) {
    guard !session.isClosed else { throw .unknownSocket }
    if let reason = revocations().reason(member: signedIn.member, session: signedIn.session, now: .now) {
      let problem = reason.rejection.problem
      throw RealtimeRefusal(problem.status, problem.code, problem.detail)
    }
    if let member = session.member {
      guard member == signedIn.member else { throw .otherMember }
      session.signedIn = signedIn
      return
    }
    guard members[signedIn.member]?.count ?? 0 < options.connectionsOfMember else { throw .tooManyConnections }
    session.signedIn = signedIn
    members[signedIn.member, default: []].append(session)
    metrics.signedIn.set(members.count)
    activity.opened(session)
  }

  /// The connection is gone. `isOrderly` says whether its client has said goodbye, `silence` for how long nothing was heard
  /// of it before.
  func close(_ session: Session, isOrderly: Bool, silentFor silence: Duration = .zero) {
    guard !session.isClosed else { return }
    session.isClosed = true
    for subscription in session.subscriptions.values { end(subscription) }
    session.subscriptions = [:]
    sessions[session.id.number] = nil
    metrics.connections.set(sessions.count)
    guard let member = session.member else { return }
    activity.closed(session, isOrderly: isOrderly, silentFor: silence)
    members[member]?.removeAll { $0 === session }
    if members[member]?.isEmpty == true { members[member] = nil }
    metrics.signedIn.set(members.count)
  }

  /// A revocation was published: ends the sessions that it is about.
  func revoked(_ subject: String) {
    guard let id = subject.split(separator: ":").last.map(String.init) else { return }
    let concerned =
      subject.hasPrefix("member:")
      ? MemberID(id).flatMap { members[$0] } ?? []
      : sessions.values.filter { $0.signedIn?.session.description == id }
    for session in concerned where session.signedIn.map({ isRevoked($0) }) == true {
      session.subscriber?.close(.revoked)
    }
  }

  private func isRevoked(_ signedIn: SignedIn) -> Bool {
    revocations().reason(member: signedIn.member, session: signedIn.session, now: .now) != nil
  }

  /// Ends sessions whose token has expired.
  private func sweep() {
    let now = Timestamp.now
    for session in sessions.values {
      if let signedIn = session.signedIn, signedIn.expiry <= now { session.subscriber?.close(.expired) }
    }
    sweeper = Loop.schedule(after: Self.sweepInterval) { [weak self] in self?.sweep() }
  }

  // MARK: What clients send

  /// Passes on what a client says on a channel: to the service that takes such events, else to the channel's other
  /// subscribers.
  ///
  /// - Parameters:
  ///   - event: its name as services know it, "typing".
  ///   - name: its name as other clients are told, "client-typing"; nil where they are not told.
  ///   - data: JSON.
  ///
  /// Throws a refusal: too fast, too large, not subscribed, or what the service says.
  func send(
    _ event: String, relayedAs name: String?, _ data: [UInt8], on channel: Channel?, from session: Session
  ) async throws(RealtimeRefusal) {
    try await step(String(event.prefix(64)), on: channel, of: session) { () async throws(RealtimeRefusal) in
      try await pass(event, relayedAs: name, data, on: channel, from: session)
    }
  }

  private func pass(
    _ event: String, relayedAs name: String?, _ data: [UInt8], on channel: Channel?, from session: Session
  ) async throws(RealtimeRefusal) {
    guard session.clientEvents.take(at: Loop.now) else { throw refused(.tooFast) }
    guard data.count <= options.clientEventSize else { throw refused(.tooLarge) }
    guard let signedIn = session.signedIn else { throw refused(.notSignedIn) }
    if let channel {
      guard session.subscriptions[channel]?.isActive == true else { throw refused(.notSubscribed) }
    }
    activity.active(session)
    // Who wants to be seen by nobody is not seen typing either.
    if let channel, channel.kind == .presence, hub.hidden.contains(signedIn.member) { return }
    if let (endpoint, path) = admission.endpoints.taker(of: event, on: channel) {
      _ = try await admission.answer(endpoint, path, signedIn, body: data, within: .seconds(5))
    } else if let name, let channel {
      let sender = ChannelMessage.Sender(socket: session.id, member: signedIn.member)
      let message = ChannelMessage.event(
        .init(name: name, data: data, view: nil, sender: sender, trace: .current))
      do {
        try await hub.store.publish(message, to: channel)
      } catch {
        log.limited().warning("an event of a client was not passed on", ["error": "\(error)"])
        throw .unavailable
      }
    } else {
      throw refused(.unknownEvent)
    }
    metrics.clientEvents.add(1)
  }

  /// Does what a client asks over its socket, as a step of the trace that it asked for when it connected, if it did.
  func step(
    _ name: String, on channel: Channel?, of session: Session, _ work: @Loop () async throws(RealtimeRefusal) -> Void
  ) async throws(RealtimeRefusal) {
    guard let asked = session.trace else { return try await work() }
    let trace = traces.child(of: asked)
    let began = ContinuousClock.now
    let outcome = await TraceContext.$current.withValue(trace) { () async -> Result<Void, RealtimeRefusal> in
      do throws(RealtimeRefusal) { return .success(try await work()) } catch { return .failure(error) }
    }
    let refusal: RealtimeRefusal? = if case .failure(let error) = outcome { error } else { nil }
    log.span(
      .socket, name, of: trace, took: .now - began,
      ["channel": channel?.description ?? "-", "outcome": refusal?.code ?? "done"])
    try outcome.get()
  }

  private func refused(_ refusal: RealtimeRefusal) -> RealtimeRefusal {
    metrics.clientEventsRefused.add(1)
    return refusal
  }
}

extension RealtimeRefusal {
  static let unknownSocket = RealtimeRefusal(
    404, "unknown_socket", "There is no connection of this name; connect again.")
  static let otherMember = RealtimeRefusal(403, "other_member", "Another member is signed in over this connection.")
  static let tooManyConnections = RealtimeRefusal(
    429, "too_many_connections", "You have too many connections; close some.")
  static let tooFast = RealtimeRefusal(429, "rate_limited", "Too many events; slow down.")
  static let tooLarge = RealtimeRefusal(413, "event_too_large", "The event is larger than 10 KB.")
  static let notSubscribed = RealtimeRefusal(403, "not_subscribed", "Subscribe to the channel first.")
  static let unknownEvent = RealtimeRefusal(404, "unknown_event", "Nobody takes events of this name.")
}
