import Contract
import PresenceAPI

/// What a member's devices tell about them.
struct MemberActivity: Equatable, Sendable {
  /// Of more devices the one that was active least recently is forgotten.
  static let deviceLimit = 20

  /// The devices that have not gone, by the time of their first signal.
  private(set) var devices: [Device]
  /// When the member last did something, on whatever device.
  private(set) var lastActive: Timestamp?
  /// When a client last said that it was being closed: what was seen before, and is told only now, is no return.
  private(set) var leftAt: Timestamp?

  /// Activity as it was stored; of somebody who has not been heard of by default.
  init(devices: [Device] = [], lastActive: Timestamp? = nil, leftAt: Timestamp? = nil) {
    (self.devices, self.lastActive, self.leftAt) = (devices, lastActive, leftAt)
  }

  // MARK: What it comes to

  /// The status as it would be without anything that the member has set.
  func status(at now: Timestamp, _ times: PresenceTimes) -> PresenceStatus {
    let all = devices.compactMap { $0.status(at: now, times) }
    return all.contains(.online) ? .online : all.contains(.away) ? .away : .offline
  }

  /// When that changes if nothing happens, steady devices aside; nil when never. Their heartbeats are watched by themselves.
  func nextChange(after now: Timestamp, _ times: PresenceTimes) -> Timestamp? {
    devices.filter { !$0.isSteady(at: now, times) }.compactMap { $0.nextChange(after: now, times) }.min()
  }

  /// The gateways that hold connections of the member.
  var gateways: Set<UniqueID> { Set(devices.flatMap { $0.connections.map(\.connection.gateway) }) }

  // MARK: What happens

  /// Takes note of what happened on a device. Safe to repeat.
  mutating func note(_ signal: Signal) {
    let index = devices.firstIndex { $0.name == signal.device }
    switch signal.kind {
    case .closed, .lost:
      guard let index, let connection = signal.connection else { return }
      devices[index].close(connection, Device.End(at: signal.at, isLoss: signal.kind == .lost))
    case .left:
      // While a connection is open, or a reload is waited for, the connections tell better.
      if let index, devices[index].connections.isEmpty, devices[index].end == nil { devices.remove(at: index) }
      leftAt = [leftAt, signal.at].compactMap(\.self).max()
    case .active, .foreground, .background, .opened:
      if let index {
        devices[index].note(signal)
      } else if signal.connection != nil || leftAt.map({ $0 < signal.at }) ?? true {
        add(Device(signal))
      }
      noteLastActive()
    }
  }

  private mutating func add(_ device: Device) {
    if devices.count >= Self.deviceLimit,
      let oldest = devices.indices.min(by: { devices[$0].activeAt < devices[$1].activeAt })
    {
      devices.remove(at: oldest)
    }
    devices.append(device)
  }

  /// Heartbeats of a steady device were noted past this value.
  mutating func note(device name: String, activeAt time: Timestamp) {
    guard let index = devices.firstIndex(where: { $0.name == name }) else { return }
    devices[index].note(activeAt: time)
    noteLastActive()
  }

  private mutating func noteLastActive() {
    lastActive = [lastActive, devices.map(\.activeAt).max()].compactMap(\.self).max()
  }

  /// A gateway is dead: devices that hung on it alone are gone.
  mutating func lose(_ gateway: UniqueID) {
    devices = devices.compactMap { device in
      var device = device
      return device.lose(gateway) ? nil : device
    }
  }

  /// Forgets the devices that have gone.
  mutating func forgetGone(at now: Timestamp, _ times: PresenceTimes) {
    devices.removeAll { $0.status(at: now, times) == nil }
  }
}
