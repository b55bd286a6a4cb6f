import BenchKit
import Contract
import EventLoop
import Foundation
import Mesh

/// What is measured over clients' sockets.
extension PresenceBench {
  /// Sockets that send heartbeats; each is a device of a member of its own.
  static var sockets: Int { 15_000 }
  private static var watchers: Int { 500 }
  /// Members who are watched, each by all watchers.
  private static var watched: Int { 40 }
  /// Sockets that do nothing.
  private static var idle: [Int] { [10_000, 18_000] }

  /// Heartbeats that clients send over WebSockets, one each in turn.
  func beatOverSockets(_ world: PresenceWorld) async throws -> (perSecond: Double, costs: [Cost]) {
    // Presence is told of each heartbeat, and not of one in 30 s: so there are as many devices as heartbeats in 30 s.
    let gateway = try await world.startGateway(scale: 0)
    let transitions = try await world.metric("presence_transitions_total")
    let sockets = try await each(of: Self.sockets) { _ in
      try await LoadSocket.socketIO(gateway.address, token: try world.tokens.token(of: "\(MemberID(at: .now))"))
    }
    let frame = LoadSocket.frame(#"42["activity",{"appState":"foreground"}]"#)
    // The first one says where the app is.
    for socket in sockets { socket.send(frame) }
    try await world.wait("all are online") {
      try await world.metric("presence_transitions_total") >= transitions + sockets.count
    }
    var costs = world.costs
    costs.add("gateway", gateway.processID)
    let result = try await measureHeartbeats(world, costs, round: sockets.count) {
      // In pieces, so that answers to pings and the like get their turn.
      for start in stride(from: 0, to: sockets.count, by: 500) {
        for socket in sockets[start..<min(sockets.count, start + 500)] { socket.send(frame) }
        await Task.yield()
      }
    }
    guard sockets.allSatisfy({ !$0.isClosed }) else { throw BenchFailure("the gateway closed sockets") }
    for socket in sockets { socket.close() }
    try await world.stop(gateway)
    return result
  }

  /// Changes of members' statuses, each told to all watchers, from presence to their sockets.
  mutating func tellWatchers(_ world: PresenceWorld) async throws {
    let gateway = try await world.startGateway()
    let members = (0..<Self.watched).map { _ in MemberID(at: .now) }
    try await world.register(members)
    let sockets = try await each(of: Self.watchers) { _ in
      try await LoadSocket.socketIO(gateway.address, token: try world.tokens.token(of: "\(MemberID(at: .now))"))
    }
    for member in members {
      _ = try await each(of: sockets.count) { try await sockets[$0].subscribe("presence-user-\(member)") }
    }
    let changes = Changes(members, watchers: sockets.count, world.gateway)
    for socket in sockets { socket.heard = { changes.heard($0) } }
    // Warming up.
    try await changes.run(for: .seconds(1))
    var costs = world.costs
    costs.add("gateway", gateway.processID)
    let (mark, begin, first) = (costs.mark(), ContinuousClock.now, changes.deliveries)
    try await changes.run(for: limit)
    let elapsed = ContinuousClock.now - begin
    let delivered = changes.deliveries - first
    guard delivered.isMultiple(of: sockets.count) else {
      throw BenchFailure("not every watcher was told: \(delivered)")
    }
    for socket in sockets { socket.close() }
    let echoes = try await TCPEcho(size: changes.size).measure(connections: sockets.count, for: limit / 2)
    var figure = Figure(
      "a change of status to 500 watchers", Double(delivered) / (elapsed / .seconds(1)), "deliveries/s")
    (figure.must, figure.reach) = (100_000, 150_000)
    figure.against = "TCP echo \(Report.format(echoes)) /s"
    figure.costs = costs.costs(since: mark, for: delivered)
    figure.note =
      "\(delivered / sockets.count) changes; \(changes.latencies.summary) from the signal to the last watcher"
    report.add(figure)
    try await world.stop(gateway)
  }

  /// What a socket costs its gateway that does nothing.
  mutating func holdIdle(_ world: PresenceWorld) async throws {
    try await hold("Pusher, connected", world) { address in try await LoadSocket.pusher(address).0 }
    try await hold("Socket.IO, signed in, subscribed to its member's channel", world) { address in
      let member = MemberID(at: .now)
      let socket = try await LoadSocket.socketIO(address, token: try world.tokens.token(of: "\(member)"))
      try await socket.subscribe("private-user-\(member)")
      return socket
    }
    let authorizer = Authorizer()
    try await hold("Pusher, signed in, subscribed to its member's channel", world) { address in
      let member = MemberID(at: .now)
      let (socket, id) = try await LoadSocket.pusher(address)
      let channel = "private-user-\(member)"
      let auth = try await authorizer.authorize(id, channel, try world.tokens.token(of: "\(member)"), at: address)
      _ = try await socket.ask(
        #"{"event":"pusher:subscribe","data":{"channel":"\#(channel)","auth":"\#(auth)"}}"#,
        for: #"{"event":"pusher_internal:subscription_succeeded""#)
      return socket
    }
  }

  private mutating func hold(
    _ setting: String, _ world: PresenceWorld,
    _ connect: @escaping @Loop @Sendable (SocketAddress) async throws -> LoadSocket
  ) async throws {
    let gateway = try await world.startGateway()
    // What the first ones need is there for all.
    var sockets = try await each(of: 100) { _ in try await connect(gateway.address) }
    let (before, first) = (Machine.anonymousMemory(of: gateway.processID), sockets.count)
    for count in Self.idle {
      sockets += try await each(of: count - sockets.count) { _ in try await connect(gateway.address) }
      try await Loop.sleep(for: .seconds(3))
      guard sockets.allSatisfy({ !$0.isClosed }) else { throw BenchFailure("the gateway closed sockets") }
      let memory = Machine.anonymousMemory(of: gateway.processID)
      var figure = Figure(
        "an idle WebSocket among \(count) (RssAnon)", Double(memory - before) / Double(count - first) / 1024, "KB")
      (figure.setting, figure.must, figure.reach, figure.lessIsBetter) = (setting, 4, 1, true)
      figure.note = "\(Report.format(Double(memory) / 1e6)) MB in all"
      report.add(figure)
    }
    for socket in sockets { socket.close() }
    try await world.stop(gateway)
  }
}

/// Members whose status changes again as soon as all watchers were told of the last change.
@Loop private final class Changes {
  private struct State {
    var isInFront = true
    var told = 0
    var since = ContinuousClock.now
    var isUnderWay = false
  }

  private let gateway: ActivitySender
  private let watchers: Int
  private var states: [MemberID: State]
  private(set) var deliveries = 0
  private(set) var latencies = LatencyHistogram()
  /// Bytes of one notice.
  private(set) var size = 0
  private var isOver = false
  private let begin = Array(#"42["user-status-change","#.utf8)
  private let word = Array(#""channel":"presence-user-"#.utf8)

  init(_ members: [MemberID], watchers: Int, _ gateway: ActivitySender) {
    (self.gateway, self.watchers) = (gateway, watchers)
    states = Dictionary(uniqueKeysWithValues: members.map { ($0, State()) })
  }

  /// Lets them change for `duration`, and waits until everybody was told.
  func run(for duration: Duration) async throws {
    isOver = false
    latencies = LatencyHistogram()
    for member in states.keys { change(member) }
    try await Loop.sleep(for: duration)
    isOver = true
    let deadline = ContinuousClock.now + .seconds(20)
    while states.values.contains(where: \.isUnderWay) {
      guard ContinuousClock.now < deadline else { throw BenchFailure("a change was not told to all watchers") }
      try await Loop.sleep(for: .milliseconds(5))
    }
  }

  private func change(_ member: MemberID) {
    guard var state = states[member] else { return }
    state.isInFront.toggle()
    (state.told, state.since, state.isUnderWay) = (0, .now, true)
    states[member] = state
    gateway.note(
      DeviceSignal(
        member: member, device: "bench", kind: state.isInFront ? .foreground : .background, connection: 1, at: .now))
  }

  func heard(_ text: UnsafeRawBufferPointer) {
    // {"channel":"presence-user-…" comes first.
    let start = begin.count + 1 + word.count
    guard text.count > start + 36, text.starts(with: begin),
      text[(begin.count + 1)..<start].elementsEqual(word),
      let member = MemberID(String(decoding: text[start..<(start + 36)], as: UTF8.self)), var state = states[member]
    else { return }
    size = text.count
    deliveries += 1
    state.told += 1
    if state.told == watchers {
      latencies.record(.now - state.since)
      state.isUnderWay = false
    }
    states[member] = state
    if state.told == watchers, !isOver { change(member) }
  }
}

/// Asks for leave to subscribe over Pusher sockets.
@Loop private final class Authorizer {
  /// The signature for a socket and a channel.
  func authorize(_ socket: String, _ channel: String, _ token: String, at address: SocketAddress) async throws -> String
  {
    let question = Question()
    let connection = try await Socket.connect(to: address)
    connection.delegate = question
    let body = #"{"socket_id":"\#(socket)","channel_name":"\#(channel)"}"#
    let head = [
      "POST /api/v1/realtime/auth HTTP/1.1", "Host: \(address)", "Authorization: Bearer \(token)",
      "Content-Type: application/json", "Content-Length: \(body.utf8.count)", "Connection: close", "", body,
    ]
    connection.send(Array(head.joined(separator: "\r\n").utf8))
    let answer = try await question.answer.value
    guard let start = answer.range(of: #""auth":""#)?.upperBound, let end = answer[start...].firstIndex(of: "\"") else {
      throw BenchFailure("no leave for \(channel): \(answer)")
    }
    return String(answer[start..<end])
  }

  @Loop private final class Question: SocketDelegate {
    let answer = Promise<String>()
    private var text = ""

    func received(_ bytes: UnsafeMutableRawBufferPointer, on socket: Socket) {
      text += String(decoding: bytes, as: UTF8.self)
    }

    func closed(_ socket: Socket, reason: SocketError?) { answer.fulfil(text) }
  }
}
