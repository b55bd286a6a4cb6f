/// A name that a client or the broker gave to something, kept apart from other strings by its type.
protocol StringIdentity: RawRepresentable<String>, Hashable, Sendable, ExpressibleByStringLiteral,
  CustomStringConvertible
{
  init(rawValue: String)
}

extension StringIdentity {
  init(stringLiteral value: String) { self.init(rawValue: value) }
  init(_ value: String) { self.init(rawValue: value) }
  var description: String { rawValue }
  var isEmpty: Bool { rawValue.isEmpty }
}

/// The name of a consumer group (`group.id`).
struct GroupID: StringIdentity {
  let rawValue: String
}

/// The name the coordinator gave to one life of one member. Empty in a request: "I have none yet".
struct MemberID: StringIdentity {
  static let none = MemberID("")
  let rawValue: String
}

/// The name an operator gave to a static member (`group.instance.id`, KIP-345); it outlives the member's restarts.
struct InstanceID: StringIdentity {
  let rawValue: String
}

/// One request waiting for its answer. The driver mints tokens, never the same one twice, and remembers which
/// connection and correlation id each belongs to.
struct ReplyToken: Hashable, Sendable {
  let rawValue: UInt64
}

/// When an input happens, by both clocks: timeouts follow the monotonic one, what is stored follows the wall clock.
struct Moment: Sendable {
  /// Monotonic; never goes back within one run of the broker.
  let instant: ContinuousClock.Instant
  /// Wall clock, in milliseconds since 1970; comparable with what an earlier run of the broker stored.
  let unixMilliseconds: Int64
}

/// Where a group stands between one assignment and the next; the raw values are what ListGroups and DescribeGroups say.
enum GroupState: String, Sendable, CaseIterable {
  /// No members; perhaps committed offsets.
  case empty = "Empty"
  /// Members are asked to join again; the next generation begins when they all did, or at the rebalance timeout.
  case preparingRebalance = "PreparingRebalance"
  /// The generation has begun; its leader has yet to hand in the assignment.
  case completingRebalance = "CompletingRebalance"
  /// Every member can have its assignment.
  case stable = "Stable"
  /// No such group. A `Group` is never dead; a name without a group is described as dead.
  case dead = "Dead"
}

/// Why the coordinator refuses; the raw values are Kafka's error codes.
enum GroupError: Int16, Error, Sendable {
  case offsetMetadataTooLarge = 12
  /// Not now: too many groups, or the disk refused the group's records. Clients try again.
  case coordinatorNotAvailable = 15
  case illegalGeneration = 22
  case inconsistentGroupProtocol = 23
  case invalidGroupID = 24
  case unknownMemberID = 25
  case invalidSessionTimeout = 26
  case rebalanceInProgress = 27
  case invalidRequest = 42
  case nonEmptyGroup = 68
  case groupIDNotFound = 69
  /// The id to join with comes with this error (KIP-394).
  case memberIDRequired = 79
  case groupMaxSizeReached = 81
  /// Another process has joined with the same instance id since (KIP-345).
  case fencedInstanceID = 82
}
