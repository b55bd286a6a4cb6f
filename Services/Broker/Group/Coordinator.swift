import EventLoop
import Glibc
import Telemetry
import Wire

/// Drives the consumer groups: what `GroupRegistry` decides, this does. It keeps the groups' timers and their log, and
/// holds each answer back until the records that it depends on are durable.
///
/// The log is a compacted topic of one partition, `__consumer_offsets`, whose keys and values are the broker's own.
@Loop final class Coordinator {
  static let topic = "__consumer_offsets"
  /// Kept for ever, in small segments, so that compaction has something to do.
  static let config = ["cleanup.policy": "compact", "segment.bytes": String(16 << 20), "retention.ms": "-1"]
  private static let expiryInterval = Duration.seconds(60)

  /// How a request is answered once the registry knows the answer.
  private enum Reply {
    case join((JoinResult) -> Void)
    case sync((Result<[UInt8], GroupError>) -> Void)
    case plain((GroupError?) -> Void)
    case commit(([GroupError?]) -> Void)
  }

  private(set) var registry: GroupRegistry
  private let log: Partition
  private let notices: Log
  private var replies: [ReplyToken: (group: GroupID, reply: Reply)] = [:]
  private var timers: [GroupID: LoopTimer] = [:]
  /// Where the last records of a group end in the log, as long as they are not durable.
  private var unsettled: [GroupID: Int64] = [:]
  private var lastToken: UInt64 = 0
  private var expiry: LoopTimer?

  /// Reads the groups back from `log`.
  init(log: Partition, limits: GroupLimits, notices: Log) throws(LogError) {
    self.log = log
    self.notices = notices
    var restoration = GroupRegistry.Restoration()
    var foreign = 0
    try log.forEachRecord { key, value in
      do { try restoration.read(key: key ?? [], value: value) } catch { foreign += 1 }
    }
    if foreign > 0 {
      notices.error("records of consumer groups could not be read and are left out", ["count": foreign])
    }
    var actions: [GroupAction] = []
    registry = restoration.registry(limits: limits, at: .now, into: &actions)
    perform(actions)
    expire()
  }

  // MARK: Requests

  /// Answers when the member may go on: at once with a refusal, or when the rebalance is complete.
  func join(_ group: GroupID, _ request: JoinRequest, _ call: Call, reply: @escaping (JoinResult) -> Void) {
    submit(group, call, .join(reply)) { token, actions in
      registry.join(
        group, request, reply: token, newMemberID: Self.newMemberID(for: request), at: .now, into: &actions)
    }
  }

  /// Answers when the leader has handed in the assignment.
  func sync(
    _ group: GroupID, _ claim: MemberClaim, assignments: [MemberID: [UInt8]], _ call: Call,
    reply: @escaping (Result<[UInt8], GroupError>) -> Void
  ) {
    submit(group, call, .sync(reply)) { token, actions in
      registry.sync(group, claim, assignments: assignments, reply: token, at: .now, into: &actions)
    }
  }

  /// Answers whether the member is still one.
  func heartbeat(_ group: GroupID, _ claim: MemberClaim, _ call: Call, reply: @escaping (GroupError?) -> Void) {
    submit(group, call, .plain(reply)) { token, actions in
      registry.heartbeat(group, claim, reply: token, at: .now, into: &actions)
    }
  }

  /// Lets a member go.
  func leave(_ group: GroupID, _ member: MemberID, _ call: Call, reply: @escaping (GroupError?) -> Void) {
    submit(group, call, .plain(reply)) { token, actions in
      registry.leave(group, member, reply: token, at: .now, into: &actions)
    }
  }

  /// Answers when the offsets are durable.
  func commit(
    _ group: GroupID, _ claim: MemberClaim, _ commits: [OffsetCommit], _ call: Call,
    reply: @escaping ([GroupError?]) -> Void
  ) {
    submit(group, call, .commit(reply)) { token, actions in
      registry.commit(group, claim, commits, reply: token, at: .now, into: &actions)
    }
  }

  /// Removes an empty group and its offsets.
  func delete(_ group: GroupID) throws(GroupError) {
    var actions: [GroupAction] = []
    try registry.delete(group, at: .now, into: &actions)
    // What could not be written would be there again after a restart.
    if !perform(actions) { throw .coordinatorNotAvailable }
  }

  /// Removes the offsets that groups have committed in a topic that is gone.
  func topicDeleted(_ topic: String) {
    var actions: [GroupAction] = []
    registry.topicDeleted(topic, into: &actions)
    perform(actions)
  }

  private func submit(
    _ group: GroupID, _ call: Call, _ reply: Reply, _ input: (ReplyToken, inout [GroupAction]) -> Void
  ) {
    lastToken += 1
    let token = ReplyToken(rawValue: lastToken)
    replies[token] = (group, reply)
    var actions: [GroupAction] = []
    input(token, &actions)
    perform(actions)
    guard replies[token] != nil else { return }
    call.whenAbandoned { [weak self] in self?.abandon(token, group) }
  }

  private func abandon(_ token: ReplyToken, _ group: GroupID) {
    guard replies.removeValue(forKey: token) != nil else { return }
    var actions: [GroupAction] = []
    registry.connectionClosed(token, in: group, at: .now, into: &actions)
    perform(actions)
  }

  // MARK: Actions

  /// Answers whether the log took everything.
  @discardableResult
  private func perform(_ actions: [GroupAction]) -> Bool {
    // Set when the log refuses: what depends on it must not be promised.
    var isRefused = false
    for action in actions {
      switch action {
      case .persist(let records): isRefused = !append(records) || isRefused
      case .wake(let group, let moment): wake(group, at: moment)
      case .answerJoin(let token, _), .answerSync(let token, _), .answer(let token, _), .answerCommit(let token, _):
        give(isRefused ? action.unavailable : action, to: token)
      }
    }
    return !isRefused
  }

  private func append(_ records: [GroupRecord]) -> Bool {
    let now = Moment.now
    do {
      let end = try log.append(records, at: now.unixMilliseconds)
      for record in records { unsettled[record.group] = end }
      log.whenDurable(end) { [weak self] _ in self?.settle(upTo: end) }
      return true
    } catch {
      notices.limited().error("consumer groups cannot be stored", ["reason": error])
      registry.refused(records, at: now)
      return false
    }
  }

  private func settle(upTo end: Int64) {
    for (group, last) in unsettled where last <= end { unsettled[group] = nil }
  }

  /// Gives an answer once everything that was appended before it for its group is durable.
  private func give(_ answer: GroupAction, to token: ReplyToken) {
    guard let group = replies[token]?.group else { return }
    guard let end = unsettled[group] else { return deliver(answer, to: token) }
    log.whenDurable(end) { [weak self] isDurable in
      self?.deliver(isDurable ? answer : answer.unavailable, to: token)
    }
  }

  private func deliver(_ answer: GroupAction, to token: ReplyToken) {
    switch (answer, replies.removeValue(forKey: token)?.reply) {
    case (.answerJoin(_, let result), .join(let reply)): reply(result)
    case (.answerSync(_, let result), .sync(let reply)): reply(result)
    case (.answer(_, let error), .plain(let reply)): reply(error)
    case (.answerCommit(_, let results), .commit(let reply)): reply(results)
    case (_, nil): break  // The client is gone.
    default: preconditionFailure("an answer of another kind than its request")
    }
  }

  private func wake(_ group: GroupID, at moment: ContinuousClock.Instant) {
    timers[group]?.cancel()
    timers[group] = Loop.schedule(after: ContinuousClock.now.duration(to: moment)) { [weak self] in
      guard let self else { return }
      timers[group] = nil
      var actions: [GroupAction] = []
      registry.tick(group, at: .now, into: &actions)
      perform(actions)
    }
  }

  private func expire() {
    var actions: [GroupAction] = []
    registry.expire(at: .now, into: &actions)
    perform(actions)
    expiry = Loop.schedule(after: Self.expiryInterval) { [weak self] in self?.expire() }
  }

  /// As Apache Kafka makes them: the client's name and something that never comes again.
  private static func newMemberID(for request: JoinRequest) -> MemberID {
    let name = request.instanceID?.rawValue ?? request.clientID
    return MemberID(
      "\(name)-\(String(UInt64.random(in: .min ... .max), radix: 16))\(String(UInt64.random(in: .min ... .max), radix: 16))"
    )
  }
}

extension Moment {
  /// Now, by both clocks.
  static var now: Moment {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Moment(instant: .now, unixMilliseconds: Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000)
  }
}

extension GroupRecord {
  /// The group that the record is about.
  var group: GroupID {
    switch self {
    case .offset(let group, _, _, _), .group(let group, _): group
    }
  }
}

extension KafkaError {
  /// A coordinator's refusal, or none, as the protocol says it.
  init(_ error: GroupError?) {
    self = error.map { KafkaError(rawValue: $0.rawValue) ?? .unknownServerError } ?? .none
  }
}
