import Contract
import PresenceAPI

/// A socket of a device.
struct Connection: Hashable, Sendable {
  /// The life of the gateway that holds it.
  let gateway: UniqueID
  /// Its number there, from 1.
  let number: UInt32
}

/// What happened on a device.
struct Signal: Equatable, Sendable {
  /// What can happen.
  enum Kind: Sendable {
    /// Its user did something.
    case active
    /// The app came to the front.
    case foreground
    /// The app went to the back, or is still there.
    case background
    /// A connection was made.
    case opened
    /// A connection was closed.
    case closed
    /// A connection broke off; the time is when its client was heard last.
    case lost
    /// The client said that it is being closed.
    case left
  }

  let member: MemberID
  /// By what its client calls it: visible ASCII without spaces.
  let device: String
  let kind: Kind
  /// The connection that it is about or that it came by, if any.
  let connection: Connection?
  /// When, in whole milliseconds: finer times would be after those that the live state keeps of the same moment.
  let at: Timestamp

  /// Describes what happened at `time`.
  init(member: MemberID, device: String, kind: Kind, connection: Connection?, at time: Timestamp) {
    (self.member, self.device, self.kind, self.connection) = (member, device, kind, connection)
    at = Timestamp(milliseconds: time.milliseconds)
  }
}

/// One device of a member, as far as it tells about presence.
struct Device: Equatable, Sendable {
  /// More connections of one device are not kept apart.
  static let connectionLimit = 16

  /// By what its client calls it.
  let name: String
  /// Whether the app is on the screen, where no connection says so.
  private(set) var appState: AppState
  /// When its user last did something; in the background, when the app went there.
  private(set) var activeAt: Timestamp
  /// Its open connections, each with the app's state on it.
  private(set) var connections: [Link]
  /// How its last connection ended; the device goes away after that unless it comes back.
  private(set) var end: End?

  /// An open connection.
  struct Link: Equatable, Sendable {
    let connection: Connection
    var appState: AppState
  }

  /// The end of the last connection.
  struct End: Equatable, Sendable {
    let at: Timestamp
    /// Whether it broke off, and was not closed.
    let isLoss: Bool

    /// When the device goes away.
    func lapse(_ times: PresenceTimes) -> Timestamp { at + (isLoss ? times.loss : times.reload) }
  }

  /// A device as it was stored.
  init(name: String, appState: AppState, activeAt: Timestamp, connections: [Link], end: End?) {
    (self.name, self.appState, self.activeAt) = (name, appState, activeAt)
    (self.connections, self.end) = (connections, end)
  }

  /// A device that is heard of for the first time.
  init(_ signal: Signal) {
    self.init(
      name: signal.device, appState: signal.kind == .background ? .background : .foreground, activeAt: signal.at,
      connections: [], end: nil)
    if let connection = signal.connection { connections = [Link(connection: connection, appState: appState)] }
  }

  /// Whether the app is on the screen, in any of its windows.
  var isForeground: Bool {
    connections.isEmpty ? appState == .foreground : connections.contains { $0.appState == .foreground }
  }

  // MARK: What it comes to

  /// What it alone says about its member; nil when it has gone.
  func status(at now: Timestamp, _ times: PresenceTimes) -> PresenceStatus? {
    if let end, now >= end.lapse(times) { return nil }
    let idle = now - activeAt
    guard idle < times.absence else { return connections.isEmpty ? nil : .offline }
    return isForeground && idle < times.attention ? .online : .away
  }

  /// Whether it is there and stays so as long as it is active: its heartbeats change nothing else.
  func isSteady(at now: Timestamp, _ times: PresenceTimes) -> Bool {
    end == nil && isForeground && now - activeAt < times.attention
  }

  /// When it will say something else if nothing happens; nil when never.
  func nextChange(after now: Timestamp, _ times: PresenceTimes) -> Timestamp? {
    let changes = [
      end?.lapse(times), isForeground ? activeAt + times.attention : nil, activeAt + times.absence,
    ]
    return changes.compactMap(\.self).filter { $0 > now }.min()
  }

  // MARK: What happens to it

  /// Takes note of what happened, but for its end.
  mutating func note(_ signal: Signal) {
    if let connection = signal.connection { attach(connection) }
    let wasForeground = isForeground
    switch signal.kind {
    case .foreground: show(.foreground, on: signal.connection)
    case .background: show(.background, on: signal.connection)
    case .active, .opened, .closed, .lost, .left: break
    }
    // In the background only the way there counts: what an app does there is not done by its user.
    if wasForeground || isForeground { activeAt = max(activeAt, signal.at) }
    if let end, signal.at >= end.at || signal.connection != nil { self.end = nil }
  }

  /// A heartbeat was noted past this value.
  mutating func note(activeAt time: Timestamp) { activeAt = max(activeAt, time) }

  private mutating func attach(_ connection: Connection) {
    guard !connections.contains(where: { $0.connection == connection }) else { return }
    connections = connections.suffix(Self.connectionLimit - 1) + [Link(connection: connection, appState: appState)]
  }

  /// On one connection, or, from a client that names none, on all.
  private mutating func show(_ state: AppState, on connection: Connection?) {
    appState = state
    for index in connections.indices where connection == nil || connections[index].connection == connection {
      connections[index].appState = state
    }
  }

  /// A connection has ended. The last one takes the device with it after a while, unless something happened since.
  mutating func close(_ connection: Connection, _ end: End) {
    let before = connections.count
    connections.removeAll { $0.connection == connection }
    if connections.isEmpty, before > 0 { self.end = activeAt > end.at ? nil : end }
  }

  /// A gateway is dead. True when the device has no other connection.
  mutating func lose(_ gateway: UniqueID) -> Bool {
    let before = connections.count
    connections.removeAll { $0.connection.gateway == gateway }
    return connections.isEmpty && before > 0
  }
}
