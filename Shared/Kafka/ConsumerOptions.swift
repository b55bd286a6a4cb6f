/// How a consumer reads.
public struct ConsumerOptions: Sendable {
  /// Where to begin when there is no committed offset, or when it is not in the log any more.
  public enum Reset: String, Sendable {
    /// With the oldest message that is left.
    case earliest
    /// With what comes next.
    case latest
    /// Nowhere: report an error, for whom a silent gap would be a loss.
    case error
  }

  /// Being one of the members that share the partitions of some topics.
  public struct Group: Sendable {
    /// The group's name. Offsets are committed under it.
    public let name: String
    /// A name for this member that survives its restarts: coming back within the session time-out takes the old
    /// partitions again and disturbs nobody (static membership, KIP-345).
    public var instance: String?
    /// A member that is silent for so long is taken for dead.
    public var sessionTimeout = Duration.seconds(6)
    /// How often the member says that it lives.
    public var heartbeat = Duration.milliseconds(1500)
    /// A member whose loop stands still for so long loses its partitions; it is also the time the others wait for it
    /// in a rebalance. Not below the session time-out.
    public var stallTimeout = Duration.seconds(30)

    /// Names a group.
    public init(_ name: String, instance: String? = nil) { (self.name, self.instance) = (name, instance) }
  }

  /// The group to join with `subscribe`; without one there is `assign` alone, and nothing can be committed.
  public var group: Group?
  /// What to do without a valid offset.
  public var reset = Reset.error
  /// Whether the delegate is told when it has read everything there is at the moment.
  public var reportsEnd = false
  /// Bound on messages that are fetched ahead. librdkafka looks only about once a second whether a full queue has room
  /// again, so a consumer that shall not idle then needs more than a second's worth.
  public var prefetchLimit = 50_000
  /// Bound on bytes that are fetched ahead; the same holds.
  public var prefetchByteLimit = 32 << 20
  /// How long the broker keeps a fetch waiting for a message. A newly assigned partition of a broker that is being
  /// waited on begins after this time at the latest.
  public var fetchWait = Duration.milliseconds(500)

  /// Reads as a member of `group`, or alone.
  public init(group: Group? = nil) { self.group = group }

  func settings(clientID: String) -> [(String, String)] {
    var settings = [
      // librdkafka wants a group name for `assign` too; nothing is ever stored under it without `subscribe`.
      ("group.id", group?.name ?? clientID),
      ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"),
      ("auto.offset.reset", reset.rawValue), ("enable.partition.eof", reportsEnd ? "true" : "false"),
      ("queued.min.messages", String(prefetchLimit)),
      ("queued.max.messages.kbytes", String(max(1, prefetchByteLimit >> 10))),
      ("fetch.wait.max.ms", String(fetchWait.milliseconds)), ("fetch.error.backoff.ms", "50"),
      ("allow.auto.create.topics", "false"), ("partition.assignment.strategy", "cooperative-sticky"),
    ]
    if let group {
      settings += [
        ("session.timeout.ms", String(group.sessionTimeout.milliseconds)),
        ("heartbeat.interval.ms", String(group.heartbeat.milliseconds)),
        ("max.poll.interval.ms", String(group.stallTimeout.milliseconds)),
      ]
      if let instance = group.instance { settings.append(("group.instance.id", instance)) }
    }
    return settings
  }
}
