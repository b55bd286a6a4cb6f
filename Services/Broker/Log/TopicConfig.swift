/// A topic's settings, under Kafka's names and defaults.
struct TopicConfig: Equatable, Sendable {
  /// What happens to old records; a topic may have both.
  struct Cleanup: OptionSet, Sendable {
    let rawValue: UInt8
    static let delete = Cleanup(rawValue: 1)
    static let compact = Cleanup(rawValue: 2)
  }

  /// Where a value came from.
  struct Entry: Equatable, Sendable {
    let name: String
    let value: String
    let isDefault: Bool
  }

  var cleanup: Cleanup = .delete
  /// How long records are kept; nil forever.
  var retention: Duration? = .seconds(7 * 24 * 3600)
  /// Bytes kept per partition; nil without limit.
  var retentionBytes: Int?
  var segmentBytes = 1 << 30
  var segmentAge = Duration.seconds(7 * 24 * 3600)
  /// The largest batch that is taken.
  var maxMessageBytes = 1_048_588
  var minCompactionLag = Duration.zero
  /// How long a tombstone stays after the first compaction that met it.
  var deleteRetention = Duration.seconds(24 * 3600)
  /// The values that were given, by name.
  private(set) var overrides: [String: String] = [:]

  init() {}

  /// The defaults with `overrides` applied.
  ///
  /// - Throws: an invalid-config error naming the setting.
  init(_ overrides: [String: String]) throws(LogError) {
    self.overrides = overrides
    for (name, value) in overrides {
      guard apply(name, value) else {
        throw LogError(.invalidConfig, "topic setting \(name) does not exist or cannot be '\(value)'")
      }
    }
  }

  /// All settings, as DescribeConfigs tells them.
  var entries: [Entry] {
    let kinds: [(Cleanup, String)] = [(.compact, "compact"), (.delete, "delete")]
    let values: [(String, String)] = [
      ("cleanup.policy", kinds.filter { cleanup.contains($0.0) }.map(\.1).joined(separator: ",")),
      ("delete.retention.ms", String(deleteRetention.milliseconds)),
      ("max.message.bytes", String(maxMessageBytes)),
      ("min.compaction.lag.ms", String(minCompactionLag.milliseconds)),
      ("retention.bytes", String(retentionBytes ?? -1)),
      ("retention.ms", String(retention?.milliseconds ?? -1)),
      ("segment.bytes", String(segmentBytes)),
      ("segment.ms", String(segmentAge.milliseconds)),
    ]
    return values.map { Entry(name: $0.0, value: $0.1, isDefault: overrides[$0.0] == nil) }
  }

  private mutating func apply(_ name: String, _ value: String) -> Bool {
    if name == "cleanup.policy" {
      switch value.filter({ $0 != " " }) {
      case "delete": cleanup = .delete
      case "compact": cleanup = .compact
      case "compact,delete", "delete,compact": cleanup = [.compact, .delete]
      default: return false
      }
      return true
    }
    guard let number = Int(value) else { return Self.accepted.contains { $0 == (name, value) } }
    let time: Duration = .milliseconds(Int64(number))
    switch name {
    case "retention.ms" where number >= -1: retention = number < 0 ? nil : time
    case "retention.bytes" where number >= -1: retentionBytes = number < 0 ? nil : number
    case "segment.bytes" where number >= 1024 && number <= 1 << 30: segmentBytes = number
    case "segment.ms" where number >= 1: segmentAge = time
    case "max.message.bytes" where number >= 0 && number <= 256 << 20: maxMessageBytes = number
    case "min.compaction.lag.ms" where number >= 0: minCompactionLag = time
    case "delete.retention.ms" where number >= 0: deleteRetention = time
    case "min.insync.replicas" where number == 1: break
    default: return false
    }
    return true
  }

  /// Settings that Kafka has and that are true of this broker anyway.
  private static let accepted: [(String, String)] = [
    ("compression.type", "producer"), ("message.timestamp.type", "CreateTime"),
    ("unclean.leader.election.enable", "false"),
  ]
}
