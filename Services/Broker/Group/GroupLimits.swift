/// What one group, and all groups together, may ask of the broker.
struct GroupLimits: Sendable {
  /// How many groups exist at once; further ones are told to try again later.
  var maxGroups = 10_000
  /// How many members a group has, those counted that were given an id but have not used it yet.
  var maxMembers = 1_000
  /// Bytes of one member's names and protocol metadata together.
  var maxMemberBytes = 256 << 10
  /// Bytes of a stored group. A larger group works, but its members must rejoin after the broker restarts.
  var maxSnapshotBytes = 1 << 20
  /// UTF-8 bytes of a group's name.
  var maxGroupIDBytes = 1_024
  /// Bytes of the note a consumer may leave with an offset (`offset.metadata.max.bytes`).
  var maxOffsetMetadataBytes = 4_096
  /// The session timeouts a member may ask for.
  var sessionTimeouts: ClosedRange<Duration> = .seconds(6)...(.seconds(1_800))
  /// The shortest rebalance timeout; shorter wishes are lengthened to it, so that no rebalance can spin.
  var minRebalanceTimeout: Duration = .milliseconds(100)
  /// How long an empty group waits for more members after the first, again after each further one.
  var initialRebalanceDelay: Duration = .milliseconds(100)
  /// How long offsets of a group nobody uses are kept.
  var offsetsRetention: Duration = .seconds(7 * 24 * 3_600)

  /// The reason why nobody may join like this, if there is one.
  func refusal(of request: JoinRequest) -> GroupError? {
    guard sessionTimeouts.contains(request.sessionTimeout) else { return .invalidSessionTimeout }
    guard request.byteCount <= maxMemberBytes else { return .invalidRequest }
    return nil
  }

  /// Whether a group may bear this name.
  func allows(_ id: GroupID) -> Bool {
    !id.isEmpty && id.rawValue.utf8.count <= maxGroupIDBytes
  }
}
