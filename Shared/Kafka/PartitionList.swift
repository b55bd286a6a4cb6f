import CKafka

/// librdkafka's list of partitions, each with an offset: how assignments, commits and positions are passed to it.
struct PartitionList: ~Copyable {
  let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

  init(capacity: Int) { pointer = rd_kafka_topic_partition_list_new(CInt(clamping: capacity)) }

  init(_ offsets: some Collection<(key: TopicPartition, value: Offset)>) {
    self.init(capacity: offsets.count)
    for (partition, offset) in offsets { add(partition, at: offset) }
  }

  init(_ partitions: some Collection<TopicPartition>) {
    self.init(capacity: partitions.count)
    for partition in partitions { add(partition, at: Offset(RD_KAFKA_OFFSET_INVALID)) }
  }

  deinit { rd_kafka_topic_partition_list_destroy(pointer) }

  private func add(_ partition: TopicPartition, at offset: Offset) {
    rd_kafka_topic_partition_list_add(pointer, partition.topic, partition.partition).pointee.offset = offset
  }

  var entries: [Entry] { Self.entries(of: pointer) }

  /// One partition of a list as librdkafka filled it in.
  struct Entry: Sendable {
    let partition: TopicPartition
    let offset: Offset
    let error: rd_kafka_resp_err_t

    /// Throws the error that concerns this partition alone.
    func check() throws(KafkaError) { try KafkaError.check(error, partition.description) }
  }

  /// Copies a list that belongs to somebody else.
  static func entries(of list: UnsafePointer<rd_kafka_topic_partition_list_t>?) -> [Entry] {
    guard let list else { return [] }
    return UnsafeBufferPointer(start: list.pointee.elems, count: Int(list.pointee.cnt)).map { element in
      Entry(
        partition: TopicPartition(String(cString: element.topic), element.partition), offset: element.offset,
        error: element.err)
    }
  }
}
