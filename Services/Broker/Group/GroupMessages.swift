/// An assignor a member can use, with what it tells the leader about itself; opaque to the broker.
struct GroupProtocol: Hashable, Sendable {
  let name: String
  let metadata: [UInt8]
}

/// A wish to be a member of the next generation.
struct JoinRequest: Sendable {
  /// Empty on the first join.
  var memberID: MemberID
  var instanceID: InstanceID?
  var clientID: String
  var clientHost: String
  /// A member that is not heard of for this long is removed.
  var sessionTimeout: Duration
  /// How long a rebalance waits for this member to join again.
  var rebalanceTimeout: Duration
  var protocolType: String
  /// In order of preference.
  var protocols: [GroupProtocol]
  /// JoinGroup 4 and later: whoever joins without an id is given one first and joins again with it (KIP-394), so
  /// that a client whose connection breaks does not leave a member behind.
  var requiresKnownMemberID: Bool

  /// What the member would occupy, in bytes.
  var byteCount: Int {
    let names = [memberID.rawValue, instanceID?.rawValue ?? "", clientID, clientHost, protocolType]
    return names.reduce(0) { $0 + $1.utf8.count } + protocols.reduce(0) { $0 + $1.name.utf8.count + $1.metadata.count }
  }
}

/// What a member says of itself with most requests; all of it must be current.
struct MemberClaim: Sendable {
  var memberID: MemberID
  var instanceID: InstanceID?
  /// -1 (any negative): not a member, but a simple consumer that only commits offsets.
  var generation: Int32
}

/// The beginning of a generation as one member sees it.
struct JoinedGroup: Equatable, Sendable {
  /// A member as its leader sees it.
  struct Peer: Equatable, Sendable {
    let memberID: MemberID
    let instanceID: InstanceID?
    /// For the protocol that was chosen.
    let metadata: [UInt8]
  }

  let generation: Int32
  let protocolType: String
  let protocolName: String
  let leader: MemberID
  let memberID: MemberID
  /// Everybody, in order of joining, for the leader; nobody for the others.
  let peers: [Peer]
}

/// The answer to a join.
enum JoinResult: Equatable, Sendable {
  case joined(JoinedGroup)
  /// The id is the one to join with after `memberIDRequired`, else the one that was asked with.
  case refused(GroupError, MemberID)
}

/// An offset to store.
struct OffsetCommit: Sendable {
  var topic: String
  var partition: Int32
  var offset: Int64
  /// -1 when the client did not say.
  var leaderEpoch: Int32
  var metadata: String
}

/// What the driver must do, in this order.
enum GroupAction: Sendable {
  /// Append these records as one batch. No answer that follows for the same group leaves the broker before they are
  /// durable. If the log refuses them, see `GroupRegistry.refused(_:at:)`.
  case persist([GroupRecord])
  case answerJoin(ReplyToken, JoinResult)
  /// The member's assignment, opaque to the broker.
  case answerSync(ReplyToken, Result<[UInt8], GroupError>)
  /// To a heartbeat or a leave; nil is success.
  case answer(ReplyToken, GroupError?)
  /// To an offset commit: one entry per offset, in the order of the request; nil is success.
  case answerCommit(ReplyToken, [GroupError?])
  /// Replace the group's timer: call `GroupRegistry.tick` then. A timer that fires early does no harm.
  case wake(GroupID, ContinuousClock.Instant)

  /// This answer as it must be given when the log refused records before it: offsets that are not stored are not
  /// acknowledged. The other answers stand, for a group's own record only spares its members a rebalance after a
  /// restart of the broker; so a full disk keeps nobody from reading.
  var unavailable: GroupAction {
    guard case .answerCommit(let token, let results) = self else { return self }
    return .answerCommit(token, results.map { $0 ?? .coordinatorNotAvailable })
  }
}

/// A group as an operator sees it.
struct GroupDescription: Equatable, Sendable {
  /// A member as an operator sees it; metadata and assignment are there only while the group is stable.
  struct Member: Equatable, Sendable {
    let memberID: MemberID
    let instanceID: InstanceID?
    let clientID: String
    let clientHost: String
    let metadata: [UInt8]
    let assignment: [UInt8]
  }

  let id: GroupID
  let state: GroupState
  /// Empty for simple consumers.
  let protocolType: String
  /// Empty unless the group is stable.
  let protocolName: String
  let members: [Member]
}
