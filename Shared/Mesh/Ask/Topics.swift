import EventLoop
public import Kafka

/// The topics of the mesh, and how each is kept.
public enum MeshTopics {
  /// Questions to a service; they and the answers are of no interest after 10 minutes.
  public static func requests(of service: String) -> String { "\(service).requests" }
  /// What a service says about itself.
  public static func events(of service: String) -> String { "\(service).events" }
  /// What a service could not handle.
  public static func dead(of service: String) -> String { "\(service).dead" }
  /// Answers to everybody who asks.
  public static let replies = "gateway.replies"
  /// What each service serves.
  public static let catalogue = "mesh.catalogue"

  /// What services tell clients.
  public static let pushes = "gateway.pushes"
  /// What gateways see of members' devices.
  public static let activity = "gateway.activity"

  static let replyPartitions = 64
  private static let tenMinutes = "600000"
  private static let sevenDays = "604800000"
  private static let messageLimit = "2097152"

  /// What is of no interest after 10 minutes. Kafka removes whole segments, and only those that it has closed.
  private static let passing = [
    "retention.ms": tenMinutes, "segment.ms": tenMinutes, "max.message.bytes": messageLimit,
  ]
  private static let lasting = ["retention.ms": sevenDays, "max.message.bytes": messageLimit]

  /// The topics that are there for everybody.
  public static var common: [Admin.NewTopic] {
    [
      Admin.NewTopic(replies, partitions: replyPartitions, settings: passing),
      Admin.NewTopic(pushes, settings: passing),
      Admin.NewTopic(activity, partitions: ActivityBatch.partitions, settings: passing),
      Admin.NewTopic(
        catalogue, partitions: 1, settings: ["cleanup.policy": "compact", "max.message.bytes": messageLimit]),
    ]
  }

  /// The topics of one service.
  public static func own(of service: String) -> [Admin.NewTopic] {
    [
      Admin.NewTopic(requests(of: service), settings: passing),
      Admin.NewTopic(events(of: service), settings: lasting),
      Admin.NewTopic(dead(of: service), partitions: 1, settings: lasting),
    ]
  }
}

extension MeshTopics {
  /// Waits for Kafka, and creates what is missing of the topics that are there for everybody and of `compacted` ones, of
  /// which the last message for each key is kept. Throws `KafkaError` when Kafka is not there within `limit`.
  @Loop public static func create(
    compacted names: [String] = [], at kafka: KafkaConfiguration, within limit: Duration
  ) async throws {
    let admin = try Admin(kafka)
    defer { admin.close() }
    try await admin.waitUntilReady(within: limit)
    let compacted = names.map { Admin.NewTopic($0, partitions: 1, settings: ["cleanup.policy": "compact"]) }
    _ = try await admin.createTopics(common + compacted)
  }
}

/// The headers of the mesh's messages.
enum Header {
  static let passport = "passport"
  static let reply = "reply"
  static let traceparent = "traceparent"
  static let reason = "mesh_reason"
  static let push = "push"
}

/// The partition of a key as the Java client and librdkafka choose it (murmur2, seed 0x9747b28c): everybody finds a key in
/// the same place.
func partition(of key: [UInt8], among count: Int) -> Int32 {
  let multiplier: UInt32 = 0x5bd1_e995
  var hash = UInt32(0x9747_b28c) ^ UInt32(truncatingIfNeeded: key.count)
  var index = 0
  while index + 4 <= key.count {
    var word =
      UInt32(key[index]) | UInt32(key[index + 1]) << 8 | UInt32(key[index + 2]) << 16 | UInt32(key[index + 3]) << 24
    word &*= multiplier
    word ^= word >> 24
    word &*= multiplier
    hash = hash &* multiplier ^ word
    index += 4
  }
  let rest = key.count - index
  if rest > 2 { hash ^= UInt32(key[index + 2]) << 16 }
  if rest > 1 { hash ^= UInt32(key[index + 1]) << 8 }
  if rest > 0 { hash = (hash ^ UInt32(key[index])) &* multiplier }
  hash ^= hash >> 13
  hash &*= multiplier
  hash ^= hash >> 15
  return Int32((hash & 0x7fff_ffff) % UInt32(count))
}
