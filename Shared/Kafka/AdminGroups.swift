import CKafka
import EventLoop

/// A consumer group as its coordinator sees it.
public struct GroupDescription: Sendable {
  /// A consumer in the group.
  public struct Member: Sendable {
    /// The id that the coordinator gave it.
    public let id: String
    /// Its static name, if it has one.
    public let instance: String?
    /// The name of its process.
    public let clientID: String
    /// Where it connects from.
    public let host: String
    /// What it reads.
    public let partitions: [TopicPartition]
  }

  /// The group's name.
  public let name: String
  /// `Stable`, `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Dead` or `Unknown`.
  public let state: String
  /// How partitions are shared out, as `cooperative-sticky`.
  public let assignor: String
  /// The group's members.
  public let members: [Member]
}

extension Admin {
  /// How far a group is behind in one partition.
  public struct Lag: Sendable, Hashable {
    /// The next message that the group will read.
    public let committed: Offset
    /// The next message that will be written.
    public let end: Offset
    /// Messages written and not yet read.
    public var messages: Int64 { max(0, end - committed) }
  }

  /// The names of all groups.
  public func groups() async throws -> [String] {
    try await client.administer(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS, "listing groups", within: limit) { options in
      rd_kafka_ListConsumerGroups(client.handle.client, options, client.handle.queue)
    } parse: { event throws(KafkaError) in
      let result = rd_kafka_event_ListConsumerGroups_result(event)
      var count = 0
      let errors = rd_kafka_ListConsumerGroups_result_errors(result, &count)
      if count > 0 { try KafkaError.checkBorrowed(errors?[0], "listing groups") }
      let groups = rd_kafka_ListConsumerGroups_result_valid(result, &count)
      return UnsafeBufferPointer(start: groups, count: count).map {
        String(cString: rd_kafka_ConsumerGroupListing_group_id($0))
      }
    }
  }

  /// A group's state and members. A group that nobody knows is `Dead` and empty.
  public func describeGroup(_ name: String) async throws -> GroupDescription {
    let subject = "group '\(name)'"
    return try await client.administer(RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, subject, within: limit) { options in
      name.withCString { text in
        var request: UnsafePointer<CChar>? = text
        rd_kafka_DescribeConsumerGroups(client.handle.client, &request, 1, options, client.handle.queue)
      }
    } parse: { event throws(KafkaError) in
      var count = 0
      let groups = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event), &count)
      guard count == 1, let group = groups?[0] else { throw KafkaError(.other, subject, "no description was returned") }
      try KafkaError.checkBorrowed(rd_kafka_ConsumerGroupDescription_error(group), subject)
      return GroupDescription(group)
    }
  }

  /// The offsets that a group has committed, in all partitions or in the given ones.
  public func committedOffsets(
    of group: String, in partitions: [TopicPartition]? = nil
  ) async throws -> [TopicPartition: Offset] {
    // Kafka lists all by itself when asked for none in particular, but librdkafka 2.0.2 cannot ask so.
    let asked: [TopicPartition]
    if let partitions { asked = partitions } else { asked = try await allPartitions() }
    return try await client.committedOffsets(of: group, asked, within: limit)
  }

  private func allPartitions() async throws -> [TopicPartition] {
    try await metadata().topics.flatMap { topic, count in
      (0..<count).map { TopicPartition(topic, Int32($0)) }
    }
  }

  /// How far a group is behind, in every partition in which it has committed something.
  public func lag(of group: String) async throws -> [TopicPartition: Lag] {
    var lags: [TopicPartition: Lag] = [:]
    for (partition, committed) in try await committedOffsets(of: group) {
      lags[partition] = Lag(committed: committed, end: try await watermarks(of: partition).end)
    }
    return lags
  }

  /// Deletes a group that has no members, with its offsets.
  public func deleteGroup(_ name: String) async throws {
    let subject = "group '\(name)'"
    try await client.administer(RD_KAFKA_ADMIN_OP_DELETEGROUPS, subject, within: limit) { options in
      var request = rd_kafka_DeleteGroup_new(name)
      rd_kafka_DeleteGroups(client.handle.client, &request, 1, options, client.handle.queue)
      rd_kafka_DeleteGroup_destroy(request)
    } parse: { event throws(KafkaError) in
      var count = 0
      let results = rd_kafka_DeleteGroups_result_groups(rd_kafka_event_DeleteGroups_result(event), &count)
      if count > 0 { try KafkaError.checkBorrowed(rd_kafka_group_result_error(results?[0]), subject) }
    }
  }
}

extension GroupDescription {
  fileprivate init(_ group: OpaquePointer) {
    name = String(cString: rd_kafka_ConsumerGroupDescription_group_id(group))
    state = String(
      cString: rd_kafka_consumer_group_state_name(rd_kafka_ConsumerGroupDescription_state(group)))
    assignor = String(cString: rd_kafka_ConsumerGroupDescription_partition_assignor(group))
    members = (0..<rd_kafka_ConsumerGroupDescription_member_count(group)).map { index in
      let member = rd_kafka_ConsumerGroupDescription_member(group, index)
      let list = rd_kafka_MemberAssignment_partitions(rd_kafka_MemberDescription_assignment(member))
      return Member(
        id: String(cString: rd_kafka_MemberDescription_consumer_id(member)),
        instance: rd_kafka_MemberDescription_group_instance_id(member).map { String(cString: $0) },
        clientID: String(cString: rd_kafka_MemberDescription_client_id(member)),
        host: String(cString: rd_kafka_MemberDescription_host(member)),
        partitions: PartitionList.entries(of: list).map(\.partition))
    }
  }
}
