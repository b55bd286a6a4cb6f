import CKafka
import EventLoop

/// Looks after a cluster: topics, their settings, and what groups have read.
///
/// Changes may be repeated: what is there already, or gone already, is not an error. Answers come on the loop. Lives
/// until `close()`.
@Loop public final class Admin {
  /// A topic that shall exist.
  public struct NewTopic: Sendable {
    /// The topic's name.
    public let name: String
    /// How many partitions it gets; nil leaves it to the configuration.
    public let partitions: Int?
    /// How many brokers keep a copy; nil leaves it to the configuration, or else to the cluster.
    public let replicas: Int?
    /// Settings by their Kafka names, as `retention.ms` or `cleanup.policy`.
    public let settings: [String: String]

    /// Describes a topic.
    public init(_ name: String, partitions: Int? = nil, replicas: Int? = nil, settings: [String: String] = [:]) {
      (self.name, self.partitions, self.replicas, self.settings) = (name, partitions, replicas, settings)
    }
  }

  let client: KafkaClient
  private let brokers: String
  private let partitions: Int
  private let replicas: Int?
  /// Bound on every request.
  let limit: Duration

  /// Starts an administrator whose every request takes at most `limit`. Succeeds without a broker.
  ///
  /// Throws `KafkaError` of reason `configuration`.
  public init(_ configuration: KafkaConfiguration, limit: Duration = .seconds(10)) throws(KafkaError) {
    client = try KafkaClient(RD_KAFKA_PRODUCER, configuration, [])
    (brokers, partitions) = (configuration.brokers, configuration.topicPartitions)
    replicas = configuration.topicReplicas
    self.limit = limit
    client.start { _ in }
  }

  /// Ends; requests under way fail with `closed`. May be repeated.
  public func close() { client.stop() }

  /// Waits until the cluster answers and the topics exist with at least that many partitions, asking again with
  /// growing pauses.
  ///
  /// Throws, when `limit` has passed, a `KafkaError` that says what is missing, or at once one that waiting does not
  /// cure.
  public func waitUntilReady(topics: [String: Int] = [:], within limit: Duration) async throws {
    let deadline = Loop.now.advanced(by: limit)
    var pause = Duration.milliseconds(50)
    while true {
      let trouble: KafkaError
      do {
        let left = max(.milliseconds(200), min(.seconds(2), Loop.now.duration(to: deadline)))
        let found = try await client.metadata(within: left)
        let missing = topics.filter { found.topics[$0.key, default: 0] < $0.value }
        guard let (name, wanted) = missing.min(by: { $0.key < $1.key }) else { return }
        trouble = KafkaError(
          .unknownTopic, "topic '\(name)'",
          "has \(found.topics[name, default: 0]) of \(wanted) partitions at \(brokers); create them", isRetriable: true)
      } catch let error as KafkaError where error.isRetriable {
        trouble = KafkaError(
          error.reason, brokers, "cannot be reached: \(error.message); is Kafka running there?", isRetriable: true)
      }
      guard Loop.now.advanced(by: pause) < deadline else { throw trouble }
      try await Loop.sleep(for: pause)
      pause = min(pause * 2, .seconds(1))
    }
  }

  /// The brokers, and all topics with their number of partitions.
  public func metadata() async throws -> ClusterMetadata { try await client.metadata(within: limit) }

  /// Creates those of the topics that do not exist, and returns their names. Those that do are left as they are.
  public func createTopics(_ topics: [NewTopic]) async throws -> Set<String> {
    guard !topics.isEmpty else { return [] }
    let existed = try await client.administer(RD_KAFKA_ADMIN_OP_CREATETOPICS, "creating topics", within: limit) {
      options throws(KafkaError) in
      var requests: [OpaquePointer?] = []
      defer { rd_kafka_NewTopic_destroy_array(&requests, requests.count) }
      for topic in topics { requests.append(try request(for: topic)) }
      rd_kafka_CreateTopics(client.handle.client, &requests, requests.count, options, client.handle.queue)
    } parse: { event throws(KafkaError) in
      var count = 0
      let results = rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
      return try Self.topics(in: results, count, excusing: .alreadyExists)
    }
    return Set(topics.map(\.name)).subtracting(existed)
  }

  private func request(for topic: NewTopic) throws(KafkaError) -> OpaquePointer {
    var text = [CChar](repeating: 0, count: 256)
    guard
      let request = rd_kafka_NewTopic_new(
        topic.name, CInt(clamping: topic.partitions ?? partitions),
        CInt(clamping: topic.replicas ?? replicas ?? -1), &text, text.count)
    else { throw KafkaError(.configuration, "topic '\(topic.name)'", String(upToNull: text)) }
    for (name, value) in topic.settings { rd_kafka_NewTopic_set_config(request, name, value) }
    return request
  }

  /// Makes sure that a topic has at least `count` partitions. Keys move to other partitions when the number grows.
  public func growTopic(_ name: String, to count: Int) async throws {
    let now = try await metadata().topics[name]
    if let now, now >= count { return }
    _ = try await client.administer(RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, "topic '\(name)'", within: limit) {
      options throws(KafkaError) in
      var text = [CChar](repeating: 0, count: 256)
      var request = rd_kafka_NewPartitions_new(name, count, &text, text.count)
      guard request != nil else { throw KafkaError(.configuration, "topic '\(name)'", String(upToNull: text)) }
      defer { rd_kafka_NewPartitions_destroy(request) }
      rd_kafka_CreatePartitions(client.handle.client, &request, 1, options, client.handle.queue)
    } parse: { event throws(KafkaError) in
      var count = 0
      let results = rd_kafka_CreatePartitions_result_topics(rd_kafka_event_CreatePartitions_result(event), &count)
      return try Self.topics(in: results, count, excusing: nil)
    }
  }

  /// Deletes topics with everything in them. Those that do not exist are passed over.
  public func deleteTopics(_ names: [String]) async throws {
    guard !names.isEmpty else { return }
    _ = try await client.administer(RD_KAFKA_ADMIN_OP_DELETETOPICS, "deleting topics", within: limit) { options in
      var requests = names.map { rd_kafka_DeleteTopic_new($0) }
      rd_kafka_DeleteTopics(client.handle.client, &requests, requests.count, options, client.handle.queue)
      rd_kafka_DeleteTopic_destroy_array(&requests, requests.count)
    } parse: { event throws(KafkaError) in
      var count = 0
      let results = rd_kafka_DeleteTopics_result_topics(rd_kafka_event_DeleteTopics_result(event), &count)
      return try Self.topics(in: results, count, excusing: .unknownTopic)
    }
  }

  /// The topics whose result is the excused one; any other failure is thrown.
  private static func topics(
    in results: UnsafeMutablePointer<OpaquePointer?>?, _ count: Int, excusing excused: KafkaError.Reason?
  ) throws(KafkaError) -> Set<String> {
    var found: Set<String> = []
    for result in UnsafeBufferPointer(start: results, count: count) {
      let code = rd_kafka_topic_result_error(result)
      guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { continue }
      let name = String(cString: rd_kafka_topic_result_name(result))
      let text = rd_kafka_topic_result_error_string(result).map { String(cString: $0) }
      let error = KafkaError(code, "topic '\(name)'", message: text)
      guard error.reason == excused else { throw error }
      found.insert(name)
    }
    return found
  }

  /// The settings in force for a topic, defaults included.
  public func settings(ofTopic name: String) async throws -> [String: String] {
    try await client.administer(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "topic '\(name)'", within: limit) { options in
      var request = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, name)
      rd_kafka_DescribeConfigs(client.handle.client, &request, 1, options, client.handle.queue)
      rd_kafka_ConfigResource_destroy(request)
    } parse: { event throws(KafkaError) in
      var count = 0
      let resources = rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &count)
      guard count == 1, let resource = resources?[0] else { return [:] }
      let code = rd_kafka_ConfigResource_error(resource)
      if code != RD_KAFKA_RESP_ERR_NO_ERROR {
        throw KafkaError(
          code, "topic '\(name)'", message: rd_kafka_ConfigResource_error_string(resource).map { String(cString: $0) })
      }
      let entries = UnsafeBufferPointer(start: rd_kafka_ConfigResource_configs(resource, &count), count: count)
      var settings: [String: String] = [:]
      for entry in entries {
        guard let value = rd_kafka_ConfigEntry_value(entry) else { continue }
        settings[String(cString: rd_kafka_ConfigEntry_name(entry))] = String(cString: value)
      }
      return settings
    }
  }

  /// How far a partition's log reaches.
  public func watermarks(of partition: TopicPartition) async throws -> Watermarks {
    try await client.watermarks(of: partition, within: limit)
  }

  /// For each partition the offset of the first message at or after a time, in milliseconds since 1970; the end of the
  /// log where there is none.
  public func offsets(at time: Int64, in partitions: [TopicPartition]) async throws -> [TopicPartition: Offset] {
    let limit = limit
    return try await client.block { handle in
      let list = PartitionList(Dictionary(partitions.map { ($0, time) }, uniquingKeysWith: { $1 }))
      try KafkaError.check(
        rd_kafka_offsets_for_times(handle.client, list.pointer, limit.milliseconds), "offsets by time")
      var found: [TopicPartition: Offset] = [:]
      for entry in list.entries {
        try entry.check()
        found[entry.partition] = entry.offset
      }
      return found
    }
  }
}
