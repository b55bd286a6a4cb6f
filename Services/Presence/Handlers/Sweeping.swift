import Contract
import EventLoop
import Mesh
import PresenceAPI
import Telemetry

/// What presence does by itself.
extension PresenceService {
  /// So much of each kind in one step of a sweep.
  private static let sweepLimit = 100
  /// So many batches are confirmed in one go.
  private static let confirmLimit = 50
  /// Changes are told at once; after so long whoever should have has died.
  private static let tellingTime = Duration.seconds(5)

  /// How often is looked for what has become due.
  var sweepInterval: Duration { max(.milliseconds(50), min(.seconds(1), rule.times.reload / 10)) }

  /// How often is looked for what has to be confirmed.
  var confirmInterval: Duration { max(.milliseconds(200), min(.seconds(15), rule.times.recovery / 4)) }

  /// Looks after what has become due, in the partitions that no other replica looks after.
  func sweep() async throws {
    var steady = 0
    for partition in 0..<ActivityBatch.partitions {
      var isFull = true
      while isFull {
        let now = Timestamp.now
        let limits = LiveStore.Limits(
          now: now, heartbeat: now - rule.times.attention, gateway: now - rule.times.silence,
          hearing: now - rule.times.deafness, telling: now - Self.tellingTime)
        guard
          let due = try await live.due(
            in: partition, for: String(options.mesh.replica), lease: max(.seconds(2), sweepInterval * 3), limits,
            limit: Self.sweepLimit)
        else { break }
        isFull = due.isFull(Self.sweepLimit)
        if !isFull { steady += due.steady }
        if !due.isEmpty { try await lookAfter(due, now: now) }
      }
    }
    meters.steadyDevices.set(steady)
  }

  private func lookAfter(_ due: LiveStore.Due, now: Timestamp) async throws {
    var happenings: [MemberID: Happening] = [:]
    for (member, at) in due.looks {
      happenings[member, default: Happening()].looks = true
      meters.sweepLag.observe(now - at)
    }
    for (member, _, at) in due.silent {
      happenings[member, default: Happening()].looks = true
      meters.sweepLag.observe(now - at - rule.times.attention)
    }
    for (gateway, member) in due.lost { happenings[member, default: Happening()].lost.append(gateway) }
    for (member, _) in due.untold { happenings[member, default: Happening()].isUntold = true }
    try await forgetStrays(due.silent)
    try await update(happenings)
    try await live.told(due.untold)
  }

  /// Heartbeats that belong to no record would come up again and again.
  private func forgetStrays(_ silent: [(member: MemberID, device: String, at: Timestamp)]) async throws {
    guard !silent.isEmpty else { return }
    let loaded = try await live.load(Set(silent.map(\.member)))
    let strays = silent.filter { beat in
      loaded[beat.member]?.record.activity.devices.contains { $0.name == beat.device } != true
    }
    if !strays.isEmpty { try await live.forget(strays.map { ($0.member, $0.device) }) }
  }

  /// Confirms what others were told long ago, and puts right what is no longer so: after Redis has lost everything, of
  /// those who have not come back.
  func confirm() async throws {
    let now = Timestamp.now
    let epoch = try await live.epoch(now: now)
    let isRecovered = epoch < now - rule.times.recovery
    let before = max(now - rule.times.confirmation, isRecovered ? epoch : now - rule.times.confirmation)
    let statuses = StatusStore(mesh.database)
    for _ in 0..<Self.confirmLimit {
      let members = try await statuses.toldBefore(before, limit: Self.batch)
      guard !members.isEmpty else { break }
      let settings = try await MemberStore(mesh.database).find(members)
      let loaded = try await live.load(members)
      try await tell(
        members.compactMap { member in
          settings[member].map { news(of: $0, loaded[member]?.record ?? LiveRecord(), at: now) }
        }, confirmsBefore: before)
      if members.count < Self.batch { break }
    }
    meters.count(try await statuses.counts())
  }

  /// How it is with a member who was not changed.
  private func news(of settings: MemberSettings, _ record: LiveRecord, at now: Timestamp) -> News {
    let standing = rule.standing(of: record.activity, settings, at: now)
    return News(
      fact: PresenceFact(
        settings.member, standing, lastActive: rule.lastActive(of: record.activity, settings, at: now),
        hidesTimes: settings.privacy.hideExactTimes,
        version: standing == record.standing ? record.version : now.milliseconds),
      settings: settings)
  }
}

extension LiveStore.Due {
  /// Whether there may be more of something.
  fileprivate func isFull(_ limit: Int) -> Bool {
    silent.count >= limit || looks.count >= limit || lost.count >= limit || untold.count >= limit
  }
}
