import CKafka
import EventLoop

/// How far a partition's log reaches.
public struct Watermarks: Sendable, Hashable {
  /// The offset of the oldest message that is left.
  public let beginning: Offset
  /// The offset that the next message will get.
  public let end: Offset
}

/// What a cluster says about itself.
public struct ClusterMetadata: Sendable {
  /// A broker and the address at which clients reach it.
  public struct Broker: Sendable, Hashable {
    /// The broker's number.
    public let id: Int32
    /// `HOST:PORT`, as the broker advertises it.
    public let address: String
  }

  /// All brokers that are up.
  public let brokers: [Broker]
  /// The number of partitions of each topic.
  public let topics: [String: Int]
}

/// Questions that any client can ask.
extension KafkaClient {
  func metadata(within limit: Duration) async throws -> ClusterMetadata {
    let trouble = lastTrouble
    do {
      return try await block { handle in
        var found: UnsafePointer<rd_kafka_metadata>?
        try KafkaError.check(rd_kafka_metadata(handle.client, 1, nil, &found, limit.milliseconds), "cluster metadata")
        guard let found else { throw KafkaError(.other, "cluster metadata", "none was returned") }
        defer { rd_kafka_metadata_destroy(found) }
        return ClusterMetadata(found.pointee)
      }
    } catch let error as KafkaError where [.timedOut, .unreachable].contains(error.reason) {
      // A call that timed out does not say why; what the connections reported does.
      throw lastTrouble ?? trouble ?? error
    }
  }

  func watermarks(of partition: TopicPartition, within limit: Duration) async throws -> Watermarks {
    try await block { handle in
      var (low, high): (Int64, Int64) = (0, 0)
      let status = rd_kafka_query_watermark_offsets(
        handle.client, partition.topic, partition.partition, &low, &high, limit.milliseconds)
      try KafkaError.check(status, partition.description)
      return Watermarks(beginning: low, end: high)
    }
  }

  func committedOffsets(
    of group: String, _ partitions: [TopicPartition], within limit: Duration = .seconds(10)
  ) async throws -> [TopicPartition: Offset] {
    try await administer(RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, "group '\(group)'", within: limit) { options in
      let list = PartitionList(partitions)
      var request = rd_kafka_ListConsumerGroupOffsets_new(group, list.pointer)
      rd_kafka_ListConsumerGroupOffsets(handle.client, &request, 1, options, handle.queue)
      rd_kafka_ListConsumerGroupOffsets_destroy(request)
    } parse: { event throws(KafkaError) in
      var count = 0
      let groups = rd_kafka_ListConsumerGroupOffsets_result_groups(
        rd_kafka_event_ListConsumerGroupOffsets_result(event), &count)
      guard count == 1, let result = groups?[0] else { return [:] }
      try KafkaError.checkBorrowed(rd_kafka_group_result_error(result), "group '\(group)'")
      let entries = PartitionList.entries(of: rd_kafka_group_result_partitions(result)).filter { $0.offset >= 0 }
      return Dictionary(entries.map { ($0.partition, $0.offset) }, uniquingKeysWith: { $1 })
    }
  }

  /// Makes a request of librdkafka's Admin API; `limit` bounds the whole of it.
  func administer<Answer: Sendable>(
    _ operation: rd_kafka_admin_op_t, _ subject: String, within limit: Duration,
    send: (OpaquePointer?) throws(KafkaError) -> Void,
    parse: @escaping (OpaquePointer) throws(KafkaError) -> Answer
  ) async throws -> Answer {
    try await request { opaque throws(KafkaError) in
      let options = rd_kafka_AdminOptions_new(handle.client, operation)
      defer { rd_kafka_AdminOptions_destroy(options) }
      var text = [CChar](repeating: 0, count: 256)
      rd_kafka_AdminOptions_set_request_timeout(options, limit.milliseconds, &text, text.count)
      if Self.operationsThatSpread.contains(operation.rawValue) {
        rd_kafka_AdminOptions_set_operation_timeout(options, limit.milliseconds, &text, text.count)
      }
      rd_kafka_AdminOptions_set_opaque(options, opaque)
      try send(options)
    } parse: { event throws(KafkaError) in
      let error = rd_kafka_event_error(event)
      guard error == RD_KAFKA_RESP_ERR_NO_ERROR else {
        throw KafkaError(error, subject, message: String(cString: rd_kafka_event_error_string(event)))
      }
      return try parse(event)
    }
  }

  /// Changes that a cluster's brokers learn of one after the other: their time-out covers that too.
  private static let operationsThatSpread = [
    RD_KAFKA_ADMIN_OP_CREATETOPICS, RD_KAFKA_ADMIN_OP_DELETETOPICS, RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
  ].map(\.rawValue)
}

extension KafkaError {
  /// Throws what an error object says that belongs to somebody else, unless it is null or says nothing.
  static func checkBorrowed(_ error: OpaquePointer?, _ subject: String) throws(KafkaError) {
    guard let error, rd_kafka_error_code(error) != RD_KAFKA_RESP_ERR_NO_ERROR else { return }
    throw KafkaError(rd_kafka_error_code(error), subject, message: String(cString: rd_kafka_error_string(error)))
  }
}

extension ClusterMetadata {
  fileprivate init(_ found: rd_kafka_metadata) {
    brokers = UnsafeBufferPointer(start: found.brokers, count: Int(found.broker_cnt)).map {
      Broker(id: $0.id, address: "\(String(cString: $0.host)):\($0.port)")
    }
    let known = UnsafeBufferPointer(start: found.topics, count: Int(found.topic_cnt)).filter {
      $0.err == RD_KAFKA_RESP_ERR_NO_ERROR
    }
    topics = Dictionary(
      known.map { (String(cString: $0.topic), Int($0.partition_cnt)) }, uniquingKeysWith: { $1 })
  }
}
