import Contract
import EventLoop
import Mesh
import PresenceAPI
import Telemetry

/// What has happened to a member, beyond what changes nothing.
struct Happening {
  /// On the devices, in order.
  var signals: [Signal] = []
  /// Gateways that are dead.
  var lost: [UniqueID] = []
  /// Whether to look even if nothing has happened.
  var looks = false
  /// Whether others may not have been told of the last change.
  var isUntold = false
}

/// How the live state follows what happens on devices.
extension PresenceService {
  /// Members that are worked on side by side.
  static let batch = 200
  private static let attempts = 6
  private static let busy = Problem(503, "unavailable", "Presence cannot be noted at the moment. Try again.")

  func heartbeat(_ request: Heartbeat, _ context: Context) async throws -> Nothing {
    let kind: Signal.Kind =
      switch (request.status, request.appState) {
      case (.offline, _): .left
      case (_, .background): .background
      case (_, .foreground): .foreground
      case (_, nil): .active
      }
    meters.heartbeats.add(1)
    do {
      try await note(kind, on: request.deviceId, of: context.member, context)
    } catch {
      guard LiveStore.isOutage(error) else { throw error }
      mesh.log.limited().warning("a heartbeat was not noted", ["error": "\(error)"])
      throw Self.busy
    }
    return Nothing()
  }

  /// Takes note of what a client says itself.
  private func note(_ kind: Signal.Kind, on device: DeviceName, of member: MemberID, _ context: Context) async throws {
    if kind == .active || kind == .foreground {
      let more = try await live.touch(1, in: ActivityBatch.partition(of: member)) { _ in
        (member, device.description, context.now)
      }
      if more.isEmpty { return }
    }
    // Requests without a device's name count as a device of their own, by the sign-in. It leaves with the device.
    let devices = kind == .left ? Set([device, context.signIn ?? device]) : [device]
    let signals = devices.map {
      Signal(member: member, device: $0.description, kind: kind, connection: nil, at: context.now)
    }
    try await update([member: Happening(signals: signals)])
  }

  /// Takes note of what a gateway has seen. Most of it is that devices are still there, which costs next to nothing.
  func hear(_ batch: ActivityBatch) async throws {
    let (signals, now) = (batch.signals, Timestamp.now)
    guard !batch.isTrial else {
      // One that took long to come says nothing of now.
      if now - batch.at < rule.times.deafness {
        try await live.hear(batch.partition, at: now, deafAfter: rule.times.deafness)
      }
      return
    }
    meters.heartbeats.add(signals.count)
    // Only where something else is among them is a list needed of those that are mere activity.
    let isMere = signals.allSatisfy { $0.kind == .active }
    let mere = isMere ? [] : signals.indices.filter { signals[$0].kind == .active }
    let restless = try await live.touch(
      isMere ? signals.count : mere.count, in: batch.partition, sign: (batch.gateway, min(batch.at, now))
    ) { number in
      let signal = signals[isMere ? number : mere[number]]
      return (signal.member, signal.device, min(signal.at, now))
    }
    var rest = isMere ? restless : signals.indices.filter { signals[$0].kind != .active } + restless.map { mere[$0] }
    rest.sort()
    for start in stride(from: 0, to: rest.count, by: Self.batch) {
      var happenings: [MemberID: Happening] = [:]
      for index in rest[start..<min(rest.count, start + Self.batch)] {
        guard let signal = Signal(signals[index], from: batch.gateway, now: now) else { continue }
        happenings[signal.member, default: Happening()].signals.append(signal)
      }
      try await update(happenings)
    }
  }

  /// Applies what has happened to the records of members, and tells others what has changed by that.
  func update(_ happenings: [MemberID: Happening]) async throws {
    var rest = happenings
    for _ in 0..<Self.attempts where !rest.isEmpty {
      let news = try await attempt(&rest)
      try await tell(news)
    }
    // Others work on the same members all the time; the sweep comes back to them.
    if !rest.isEmpty { throw Self.busy }
  }

  /// Works on members as they are now; leaves those in `rest` whom somebody else has changed meanwhile.
  private func attempt(_ rest: inout [MemberID: Happening]) async throws -> [News] {
    let now = Timestamp.now
    let settings = try await MemberStore(mesh.database).find(Array(rest.keys))
    let loaded = try await live.load(rest.keys)
    var news: [News] = []
    var saves: [(MemberID, News?, Task<Bool, any Error>)] = []
    for (member, happening) in rest {
      guard let old = loaded[member] else { continue }
      let settings = settings[member] ?? MemberSettings(member)
      let (change, told) = work(happening, on: old.record, settings, at: now)
      guard let change else {
        rest[member] = nil
        if let told { news.append(told) }
        continue
      }
      saves.append((member, told, Task { @Loop in try await live.save(change, over: old, now: now) }))
    }
    for (member, told, save) in saves {
      guard try await save.value else {
        meters.conflicts.add(1)
        continue
      }
      rest[member] = nil
      if let told { news.append(told) }
    }
    return news
  }

  /// What becomes of a record; nil when it stays as it is. And what others are to be told, if anything.
  private func work(
    _ happening: Happening, on record: LiveRecord, _ settings: MemberSettings, at now: Timestamp
  ) -> (LiveStore.Change?, News?) {
    var new = record
    for signal in happening.signals { new.activity.note(signal) }
    for gateway in happening.lost { new.activity.lose(gateway) }
    new.activity.forgetGone(at: now, rule.times)
    let standing = rule.standing(of: new.activity, settings, at: now)
    let isNews = standing != record.standing
    if isNews {
      new.standing = standing
      // Beyond any earlier one, even if Redis has lost it.
      new.version = max(record.version + 1, now.milliseconds)
    }
    let news = News(
      fact: PresenceFact(
        settings.member, standing, lastActive: rule.lastActive(of: new.activity, settings, at: now),
        hidesTimes: settings.privacy.hideExactTimes, version: new.version),
      settings: settings)
    let told = isNews || happening.isUntold ? news : nil
    guard new != record || happening.looks || !happening.lost.isEmpty else { return (nil, told) }
    let change = LiveStore.Change(
      member: settings.member, new: new, look: rule.nextLook(at: new.activity, settings, after: now),
      steady: Set(new.activity.devices.filter { $0.isSteady(at: now, rule.times) }.map(\.name)),
      lost: happening.lost, isNews: isNews)
    return (change, told)
  }
}

extension Signal {
  /// What a gateway has seen; nil of a device whose name no client may give.
  fileprivate init?(_ seen: DeviceSignal, from gateway: UniqueID, now: Timestamp) {
    guard DeviceName(seen.device) != nil else { return nil }
    let kind: Kind =
      switch seen.kind {
      case .opened: .opened
      case .active: .active
      case .foreground: .foreground
      case .background: .background
      case .closed: .closed
      case .lost: .lost
      }
    self.init(
      member: seen.member, device: seen.device, kind: kind,
      connection: seen.connection == 0 ? nil : Connection(gateway: gateway, number: seen.connection),
      at: min(seen.at, now))
  }
}

extension Context {
  /// The sign-in of the member who asks, as the name of a device.
  fileprivate var signIn: DeviceName? {
    if case .member(_, _, let session) = caller { DeviceName(session.description) } else { nil }
  }
}
