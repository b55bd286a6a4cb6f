/// Asks for offsets by time (Kafka API 2, versions 1 and 2).
public struct ListOffsetsRequest: KafkaRequest {
  /// Answered by `ListOffsetsResponse`.
  public typealias Response = ListOffsetsResponse
  /// ListOffsets.
  public static let api = KafkaAPI.listOffsets

  /// As a `timestamp`: the offset that the next record will get.
  public static let latest: Int64 = -1
  /// As a `timestamp`: the first offset the partition still has.
  public static let earliest: Int64 = -2

  /// The broker that follows; −1 for a consumer.
  public var replicaID: Int32
  /// 0 to see everything, 1 to see up to the last stable offset.
  public var isolationLevel: Int8
  /// What to look up, by topic.
  public var topics: [Topic]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(replicaID: Int32 = -1, isolationLevel: Int8 = 0, topics: [Topic]) {
    self.replicaID = replicaID
    self.isolationLevel = isolationLevel
    self.topics = topics
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    replicaID = try reader.int32()
    isolationLevel = try version >= 2 ? reader.int8() : 0
    topics = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.int32(replicaID)
    if version >= 2 { writer.int8(isolationLevel) }
    writer.array(topics, version: version)
  }

  /// What to look up in one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// What to look up, by partition.
    public var partitions: [Partition]

    /// With every field given.
    public init(name: String, partitions: [Partition]) {
      self.name = name
      self.partitions = partitions
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      partitions = try reader.array(version: version)
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.array(partitions, version: version)
    }
  }

  /// What to look up in one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// Milliseconds since 1970: the first record at or after it is wanted. Or `latest`, or `earliest`.
    public var timestamp: Int64

    /// With every field given.
    public init(index: Int32, timestamp: Int64) {
      self.index = index
      self.timestamp = timestamp
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      timestamp = try reader.int64()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.int64(timestamp)
    }
  }
}

/// Gives one offset a partition.
public struct ListOffsetsResponse: KafkaResponse {
  /// ListOffsets.
  public static let api = KafkaAPI.listOffsets

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// What was found, by topic.
  public var topics: [Topic]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, topics: [Topic]) {
    self.throttleTime = throttleTime
    self.topics = topics
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 2 ? reader.milliseconds() : .zero
    topics = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 2 { writer.milliseconds(throttleTime) }
    writer.array(topics, version: version)
  }

  /// What was found in one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// What was found, by partition.
    public var partitions: [Partition]

    /// With every field given.
    public init(name: String, partitions: [Partition]) {
      self.name = name
      self.partitions = partitions
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      partitions = try reader.array(version: version)
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.array(partitions, version: version)
    }
  }

  /// What was found in one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// Why nothing was looked up, or `.none`.
    public var errorCode: KafkaError
    /// The record's time in milliseconds since 1970; −1 when no record was looked up.
    public var timestamp: Int64
    /// The offset, −1 when there is no such record.
    public var offset: Int64

    /// Fields that the version in use lacks may be left at their defaults.
    public init(index: Int32, errorCode: KafkaError = .none, timestamp: Int64 = -1, offset: Int64 = -1) {
      self.index = index
      self.errorCode = errorCode
      self.timestamp = timestamp
      self.offset = offset
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      errorCode = try reader.error()
      timestamp = try reader.int64()
      offset = try reader.int64()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.error(errorCode)
      writer.int64(timestamp)
      writer.int64(offset)
    }
  }
}
