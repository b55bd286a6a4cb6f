import Contract
import PresenceAPI

/// What others are to be told of a member; they are told when it changes.
struct Standing: Equatable, Sendable {
  let status: PresenceStatus
  /// Who may know.
  let visibleTo: StatusAudience
  /// Whether notifications are held back.
  let doNotDisturb: Bool
}

/// The status that others see, from what the devices tell and what the member has set.
///
/// In this order: who chose to be offline is offline; who chose to be busy is busy; so is who is in as many sessions as
/// they take. Everybody else has the automatic status, with two exceptions: in quiet hours it is `away` instead of `online`,
/// and who chose `away` is never `offline`.
struct StatusRule: Sendable {
  let times: PresenceTimes

  /// The status.
  func status(of activity: MemberActivity, _ settings: MemberSettings, at now: Timestamp) -> PresenceStatus {
    let choice = settings.choice(at: now)?.status
    if choice == .offline { return .offline }
    if choice == .busy { return .busy }
    if let limit = settings.availability?.maxConcurrentSessions.number, settings.activeSessions >= limit {
      return .busy
    }
    switch activity.status(at: now, times) {
    case .online: return quietTime(settings)?.contains(now) == true ? .away : .online
    case .offline: return choice == .away ? .away : .offline
    case let other: return other
    }
  }

  /// What others are to be told. Where nobody may know, that is nothing.
  func standing(of activity: MemberActivity, _ settings: MemberSettings, at now: Timestamp) -> Standing {
    let audience = settings.privacy.showOnlineStatus
    return Standing(
      status: audience == .nobody ? .offline : status(of: activity, settings, at: now), visibleTo: audience,
      doNotDisturb: settings.choice(at: now)?.doNotDisturb ?? false)
  }

  /// When the member last did something, as others may see it: who appears offline has done nothing since.
  func lastActive(of activity: MemberActivity, _ settings: MemberSettings, at now: Timestamp) -> Timestamp? {
    guard let choice = settings.choice(at: now), choice.status == .offline else { return activity.lastActive }
    return activity.lastActive.map { min($0, choice.madeAt) }
  }

  /// How it is with a member. `earlier` is when they were last active, as far as is known for good.
  func sighting(
    of activity: MemberActivity, _ settings: MemberSettings, earlier: Timestamp?, at now: Timestamp
  ) -> Sighting {
    Sighting(
      status: status(of: activity, settings, at: now),
      lastActive: lastActive(of: activity, settings, at: now) ?? earlier)
  }

  /// When to look again if nothing happens; nil when there is no need. Steady devices are watched by their heartbeats, and
  /// the end of a choice by a timer.
  func nextLook(at activity: MemberActivity, _ settings: MemberSettings, after now: Timestamp) -> Timestamp? {
    let quiet = activity.devices.isEmpty ? nil : quietTime(settings)?.nextChange(after: now)
    return [activity.nextChange(after: now, times), quiet].compactMap(\.self).min()
  }

  private func quietTime(_ settings: MemberSettings) -> QuietTime? {
    settings.availability?.quietHours.flatMap { QuietTime($0) }
  }
}
