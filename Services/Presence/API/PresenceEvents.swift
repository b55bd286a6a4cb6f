import Contract

/// What has become of a member's presence, as those in `visibleTo` may see it. Of a member whom nobody may see it says
/// `offline`, and no time. It lapses 20 minutes after it was published unless it is confirmed.
public struct PresenceFact: Codable, Sendable, Equatable {
  /// The member.
  public let member: MemberID
  /// Whether they are there.
  public let status: PresenceStatus
  /// When they last did something; nil when they do not tell.
  public let lastActive: Timestamp?
  /// Who may see this.
  public let visibleTo: StatusAudience
  /// Whether notifications are to be held back.
  public let doNotDisturb: Bool
  /// Of two facts about a member the one with the higher version is the later.
  public let version: Int64

  /// States the fact.
  public init(
    member: MemberID, status: PresenceStatus, lastActive: Timestamp?, visibleTo: StatusAudience, doNotDisturb: Bool,
    version: Int64
  ) {
    (self.member, self.status, self.lastActive) = (member, status, lastActive)
    (self.visibleTo, self.doNotDisturb, self.version) = (visibleTo, doNotDisturb, version)
  }
}

/// An event that carries a fact and nothing else; on the wire they are the same.
public protocol PresenceEvent: Event {
  /// How it is now.
  var fact: PresenceFact { get }
  /// States the fact.
  init(_ fact: PresenceFact)
}

extension PresenceEvent {
  /// The member.
  public var subject: UniqueID { fact.member.value }
  /// Reads the fact.
  public init(from decoder: any Decoder) throws { try self.init(PresenceFact(from: decoder)) }
  /// Writes the fact.
  public func encode(to encoder: any Encoder) throws { try fact.encode(to: encoder) }
}

/// Somebody who was offline is there.
public struct CameOnline: PresenceEvent {
  public static let name = "presence.came-online"
  public let fact: PresenceFact
  public init(_ fact: PresenceFact) { self.fact = fact }
}

/// Somebody who was there is offline.
public struct WentOffline: PresenceEvent {
  public static let name = "presence.went-offline"
  public let fact: PresenceFact
  public init(_ fact: PresenceFact) { self.fact = fact }
}

/// The status has changed in another way, or who may see it has.
public struct StatusChanged: PresenceEvent {
  public static let name = "presence.status-changed"
  public let fact: PresenceFact
  public init(_ fact: PresenceFact) { self.fact = fact }
}

/// The status is still what it was.
public struct StatusConfirmed: PresenceEvent {
  public static let name = "presence.status-confirmed"
  public let fact: PresenceFact
  public init(_ fact: PresenceFact) { self.fact = fact }
}
