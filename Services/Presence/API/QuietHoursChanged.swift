import Contract

/// A provider is quiet at other hours than before, or at none.
public struct QuietHoursChanged: Event {
  public static let name = "presence.quiet-hours-changed"
  public var subject: UniqueID { member.value }

  /// The provider.
  public let member: MemberID
  /// When the provider is quiet, every day; null for never.
  public let quietHours: QuietHours?

  /// States the fact.
  public init(member: MemberID, quietHours: QuietHours?) { (self.member, self.quietHours) = (member, quietHours) }
}
