import Contract
import PresenceAPI

/// What others have to be told after a member was looked at.
enum Announcement: Equatable, Sendable {
  /// Nothing: they know, or know better.
  case nothing
  case cameOnline
  case wentOffline
  case changed
  /// That it is still so.
  case confirmed

  /// Compares a fact with the one that others were told last, if any.
  init(of fact: PresenceFact, after told: PresenceFact?, confirms: Bool) {
    let old = told?.standing ?? Standing(status: .offline, visibleTo: .everyone, doNotDisturb: false)
    if let told, fact.version < told.version {
      self = .nothing
    } else if fact.standing == old {
      self = confirms && fact.status != .offline ? .confirmed : .nothing
    } else if let told, fact.version == told.version {
      self = .nothing
    } else if old.status == .offline, fact.status != .offline {
      self = .cameOnline
    } else if old.status != .offline, fact.status == .offline {
      self = .wentOffline
    } else {
      self = .changed
    }
  }
}

extension PresenceFact {
  /// What it says.
  var standing: Standing { Standing(status: status, visibleTo: visibleTo, doNotDisturb: doNotDisturb) }

  /// What others are told of a member who was looked at.
  init(_ member: MemberID, _ standing: Standing, lastActive: Timestamp?, hidesTimes: Bool, version: Int64) {
    self.init(
      member: member, status: standing.status,
      lastActive: hidesTimes || standing.visibleTo == .nobody ? nil : lastActive, visibleTo: standing.visibleTo,
      doNotDisturb: standing.doNotDisturb, version: version)
  }
}
