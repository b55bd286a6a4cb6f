import Contract
import PresenceAPI

/// What Redis keeps of a member.
struct LiveRecord: Equatable, Sendable {
  /// What the devices tell. Of steady devices the time of the last heartbeat is kept elsewhere, see `LiveStore`.
  var activity = MemberActivity()
  /// What others were last told or are being told.
  var standing: Standing?
  /// The version of that.
  var version: Int64 = 0
}

/// A record as text: a line about the member, then one for each device.
///
///     1763625600123 online everyone - 1763625600000 -
///     phone f 1763625600000 - 0193…:7:f 0193…:9:b
///     laptop b 1763625500000 1763625590000
///     tablet f 1763625500000 ~1763625590000
///
/// The version, the standing (status, audience, do not disturb), when the member was last active and last left; a device's
/// name, app state, last activity, the end of its last connection (`~` where it broke off), and connections with the app's
/// state on each. Times are in milliseconds.
extension LiveRecord {
  /// The text.
  var text: String {
    let standing = standing.map {
      "\($0.status.rawValue) \($0.visibleTo.rawValue) \($0.doNotDisturb ? "d" : "-")"
    }
    let head =
      "\(version) \(standing ?? "- - -") \(Self.text(activity.lastActive)) \(Self.text(activity.leftAt))"
    let devices = activity.devices.map { device in
      let links = device.connections.map {
        " \($0.connection.gateway):\($0.connection.number):\(Self.text($0.appState))"
      }
      return
        "\n\(device.name) \(Self.text(device.appState)) \(Self.text(device.activeAt)) \(Self.text(device.end))"
        + links.joined()
    }
    return head + devices.joined()
  }

  /// Reads the text; nil for what this version did not write.
  init?(_ text: String) {
    let lines = text.split(separator: "\n")
    guard let head = lines.first?.split(separator: " "), head.count == 6, let version = Int64(head[0]) else {
      return nil
    }
    self.version = version
    if let status = PresenceStatus(rawValue: String(head[1])), let audience = StatusAudience(rawValue: String(head[2]))
    {
      standing = Standing(status: status, visibleTo: audience, doNotDisturb: head[3] == "d")
    }
    var devices: [Device] = []
    for line in lines.dropFirst() {
      let words = line.split(separator: " ")
      guard words.count >= 4, let state = Self.appState(words[1]), let activeAt = Self.time(words[2]) else {
        return nil
      }
      let links = words.dropFirst(4).compactMap { Self.link($0) }
      guard links.count == words.count - 4 else { return nil }
      devices.append(
        Device(
          name: String(words[0]), appState: state, activeAt: activeAt, connections: links, end: Self.end(words[3])))
    }
    activity = MemberActivity(devices: devices, lastActive: Self.time(head[4]), leftAt: Self.time(head[5]))
  }

  private static func text(_ state: AppState) -> String { state == .foreground ? "f" : "b" }
  private static func text(_ time: Timestamp?) -> String { time.map { String($0.milliseconds) } ?? "-" }
  private static func text(_ end: Device.End?) -> String { end.map { ($0.isLoss ? "~" : "") + text($0.at) } ?? "-" }
  private static func end(_ text: Substring) -> Device.End? {
    let isLoss = text.first == "~"
    return time(isLoss ? text.dropFirst() : text).map { Device.End(at: $0, isLoss: isLoss) }
  }
  private static func time(_ text: Substring) -> Timestamp? { Int64(text).map { Timestamp(milliseconds: $0) } }
  private static func appState(_ text: Substring) -> AppState? {
    text == "f" ? .foreground : text == "b" ? .background : nil
  }

  private static func link(_ text: Substring) -> Device.Link? {
    let parts = text.split(separator: ":")
    guard parts.count == 3, let gateway = UniqueID(String(parts[0])), let number = UInt32(parts[1]),
      let state = appState(parts[2])
    else { return nil }
    return Device.Link(connection: Connection(gateway: gateway, number: number), appState: state)
  }
}
