/// One member of a group, from its first join until it leaves, falls silent or is replaced.
struct GroupMember: Sendable {
  /// The request of this member that waits for its answer.
  enum Parked: Equatable, Sendable {
    case nothing
    case join(ReplyToken)
    case sync(ReplyToken)
  }

  /// Replaced when a static member starts anew.
  var id: MemberID
  let instanceID: InstanceID?
  /// Rises from member to member: who has been here longest speaks first.
  let seniority: Int
  var clientID: String
  var clientHost: String
  var sessionTimeout: Duration
  var rebalanceTimeout: Duration
  var protocols: [GroupProtocol]
  /// What the leader gave it in the current generation; empty before.
  var assignment: [UInt8] = []
  var parked = Parked.nothing
  /// It was told of the current generation and has not asked for its assignment yet.
  var owesSync = false
  /// Whether it was ever told its id; if not, nobody can come back as this member.
  var knowsItsID: Bool
  /// It was read from the log and has not been heard of since, so it may have been replaced meanwhile.
  var isFromLog = false
  /// When it is removed unless heard of before.
  var sessionEnd: ContinuousClock.Instant

  init(_ request: JoinRequest, id: MemberID, seniority: Int, at now: ContinuousClock.Instant) {
    self.id = id
    instanceID = request.instanceID
    self.seniority = seniority
    clientID = request.clientID
    clientHost = request.clientHost
    sessionTimeout = request.sessionTimeout
    rebalanceTimeout = request.rebalanceTimeout
    protocols = request.protocols
    knowsItsID = id == request.memberID
    sessionEnd = now + sessionTimeout
  }

  var awaitsJoin: Bool {
    if case .join = parked { true } else { false }
  }

  /// When silence ends this membership; never while a request of it waits here.
  var expiry: ContinuousClock.Instant? {
    parked == .nothing ? sessionEnd : nil
  }

  func isSilent(at now: ContinuousClock.Instant) -> Bool {
    expiry.map { $0 <= now } ?? false
  }

  mutating func heard(at now: ContinuousClock.Instant) {
    sessionEnd = now + sessionTimeout
    isFromLog = false
  }

  mutating func update(_ request: JoinRequest) {
    clientID = request.clientID
    clientHost = request.clientHost
    sessionTimeout = request.sessionTimeout
    rebalanceTimeout = request.rebalanceTimeout
    protocols = request.protocols
  }

  func metadata(for name: String) -> [UInt8]? {
    protocols.first { $0.name == name }?.metadata
  }
}
