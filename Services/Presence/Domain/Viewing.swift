import Contract
import PresenceAPI

/// What somebody is to the member whom they look at.
struct Viewer: Equatable, Sendable {
  /// They are the same.
  var isSelf = false
  /// They share a conversation.
  var isContact = false
  /// One of them has blocked the other.
  var isBlocked = false
}

extension Privacy {
  /// Whether a viewer may see the status.
  func shows(to viewer: Viewer) -> Bool {
    if viewer.isSelf { return true }
    if viewer.isBlocked { return false }
    switch showOnlineStatus {
    case .everyone: return true
    case .contacts: return viewer.isContact
    case .nobody: return false
    }
  }
}

/// How it is with a member at a moment, before it is known who asks.
struct Sighting: Equatable, Sendable {
  var status: PresenceStatus
  var lastActive: Timestamp?

  /// Nobody has heard of them.
  static let none = Sighting(status: .offline, lastActive: nil)
}

extension PresenceView {
  /// What a viewer may see.
  init(of settings: MemberSettings, _ sighting: Sighting, for viewer: Viewer, at now: Timestamp) {
    let mayBeSeen = settings.privacy.shows(to: viewer)
    let sighting = mayBeSeen ? sighting : .none
    let isRough = settings.privacy.hideExactTimes && !viewer.isSelf
    self.init(
      userId: settings.member, status: sighting.status, lastActive: isRough ? nil : sighting.lastActive,
      lastActiveText: LastActiveText.text(sighting, isRough: isRough, at: now),
      customStatus: mayBeSeen ? settings.customStatus(at: now) : nil)
  }
}

extension PresenceView {
  /// What of it watchers are told.
  var sighting: Sighting { Sighting(status: status, lastActive: lastActive) }
}

extension UserStatusChange {
  /// What watchers are told who may know this.
  init(of settings: MemberSettings, _ sighting: Sighting, version: Int64) {
    self.init(
      userId: settings.member, status: sighting.status, lastActive: sighting.lastActive, version: version,
      user: User(
        id: settings.member, firstName: settings.firstName, lastName: settings.lastName, avatar: settings.avatar))
  }
}
