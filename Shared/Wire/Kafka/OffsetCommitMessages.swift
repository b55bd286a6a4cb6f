/// Stores how far a consumer group has come (Kafka API 8, versions 2 to 7).
public struct OffsetCommitRequest: KafkaRequest {
  /// Answered by `OffsetCommitResponse`.
  public typealias Response = OffsetCommitResponse
  /// OffsetCommit.
  public static let api = KafkaAPI.offsetCommit

  /// The group.
  public var groupID: String
  /// The member's generation; −1 for a consumer that manages its partitions itself.
  public var generationID: Int32
  /// The member; empty for a consumer that manages its partitions itself.
  public var memberID: String
  /// The name a static member keeps over restarts (KIP-345).
  public var groupInstanceID: String?
  /// How long to keep the offsets; −1 ms for the broker's own limit.
  public var retentionTime: Duration
  /// What to store, by topic.
  public var topics: [Topic]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    groupID: String, generationID: Int32 = -1, memberID: String = "", groupInstanceID: String? = nil,
    retentionTime: Duration = .milliseconds(-1), topics: [Topic]
  ) {
    self.groupID = groupID
    self.generationID = generationID
    self.memberID = memberID
    self.groupInstanceID = groupInstanceID
    self.retentionTime = retentionTime
    self.topics = topics
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groupID = try reader.string()
    generationID = try reader.int32()
    memberID = try reader.string()
    groupInstanceID = try version >= 7 ? reader.nullableString() : nil
    retentionTime = try version <= 4 ? reader.longMilliseconds() : .milliseconds(-1)
    topics = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(groupID)
    writer.int32(generationID)
    writer.string(memberID)
    if version >= 7 { writer.string(groupInstanceID) }
    if version <= 4 { writer.longMilliseconds(retentionTime) }
    writer.array(topics, version: version)
  }

  /// What to store for one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// What to store, by partition.
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

  /// What to store for one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// The next offset to read.
    public var committedOffset: Int64
    /// The leader epoch of the last record read, −1 when unknown.
    public var committedLeaderEpoch: Int32
    /// Whatever the client wants to keep with it.
    public var committedMetadata: String?

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      index: Int32, committedOffset: Int64, committedLeaderEpoch: Int32 = -1, committedMetadata: String? = nil
    ) {
      self.index = index
      self.committedOffset = committedOffset
      self.committedLeaderEpoch = committedLeaderEpoch
      self.committedMetadata = committedMetadata
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      committedOffset = try reader.int64()
      committedLeaderEpoch = try version >= 6 ? reader.int32() : -1
      committedMetadata = try reader.nullableString()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.int64(committedOffset)
      if version >= 6 { writer.int32(committedLeaderEpoch) }
      writer.string(committedMetadata)
    }
  }
}

/// Says which offsets were stored.
public struct OffsetCommitResponse: KafkaResponse {
  /// OffsetCommit.
  public static let api = KafkaAPI.offsetCommit

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Results by topic.
  public var topics: [Topic]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, topics: [Topic]) {
    self.throttleTime = throttleTime
    self.topics = topics
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 3 ? reader.milliseconds() : .zero
    topics = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 3 { writer.milliseconds(throttleTime) }
    writer.array(topics, version: version)
  }

  /// Results of one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// Results by partition.
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

  /// The result of one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// Why the offset was not stored, or `.none`.
    public var errorCode: KafkaError

    /// Fields that the version in use lacks may be left at their defaults.
    public init(index: Int32, errorCode: KafkaError = .none) {
      self.index = index
      self.errorCode = errorCode
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      errorCode = try reader.error()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.error(errorCode)
    }
  }
}
