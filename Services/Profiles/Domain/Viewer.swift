import Contract
import ProfilesAPI

/// How whoever looks stands to the member who is looked at.
enum Relation: Equatable {
  case oneself
  /// They share a conversation.
  case contact
  case stranger
}

extension Audience {
  /// Whether somebody of this relation is among them.
  func includes(_ relation: Relation) -> Bool {
    switch (self, relation) {
    case (_, .oneself), (.everyone, _), (.contacts, .contact): true
    case (.contacts, .stranger), (.nobody, _): false
    }
  }
}

/// Whether a member is there, as presence has told.
struct KnownPresence: Equatable {
  /// How long a status holds that nobody confirms.
  static let life = Duration.seconds(20 * 60)

  let status: OnlineStatus
  let visibleTo: Audience
  /// When the member last did something; nil when it is not to be told.
  let activeAt: Timestamp?
  /// Of two, the one with the higher version is the later.
  let version: Int64
  let lapsesAt: Timestamp

  /// Takes what was told at `now`.
  init(status: OnlineStatus, visibleTo: Audience, activeAt: Timestamp?, version: Int64, now: Timestamp) {
    (self.status, self.visibleTo, self.activeAt) = (status, visibleTo, activeAt)
    (self.version, lapsesAt) = (version, now + Self.life)
  }

  /// Takes what was stored.
  init(status: OnlineStatus, visibleTo: Audience, activeAt: Timestamp?, version: Int64, lapsesAt: Timestamp) {
    (self.status, self.visibleTo, self.activeAt) = (status, visibleTo, activeAt)
    (self.version, self.lapsesAt) = (version, lapsesAt)
  }

  /// What somebody of this relation is shown.
  func summary(for relation: Relation, now: Timestamp) -> PresenceSummary {
    guard visibleTo.includes(relation) else { return .unseen }
    return PresenceSummary(status: now < lapsesAt ? status : .offline, lastActive: activeAt)
  }
}
