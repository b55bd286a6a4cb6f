/// Asks how far a consumer group has come (Kafka API 9, versions 1 to 5).
public struct OffsetFetchRequest: KafkaRequest {
  /// Answered by `OffsetFetchResponse`.
  public typealias Response = OffsetFetchResponse
  /// OffsetFetch.
  public static let api = KafkaAPI.offsetFetch

  /// The group.
  public var groupID: String
  /// What to look up; nil for everything the group has stored (since version 2; sent as nothing in version 1).
  public var topics: [Topic]?

  /// With every field given.
  public init(groupID: String, topics: [Topic]?) {
    self.groupID = groupID
    self.topics = topics
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groupID = try reader.string()
    topics = try version >= 2 ? reader.nullableArray(version: version) : reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(groupID)
    writer.array(version >= 2 ? topics : topics ?? [], version: version)
  }

  /// What to look up of one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// The partitions.
    public var partitions: [Int32]

    /// With every field given.
    public init(name: String, partitions: [Int32]) {
      self.name = name
      self.partitions = partitions
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      partitions = try reader.int32s()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.int32s(partitions)
    }
  }
}

/// Gives stored offsets.
public struct OffsetFetchResponse: KafkaResponse {
  /// OffsetFetch.
  public static let api = KafkaAPI.offsetFetch

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// What was found, by topic.
  public var topics: [Topic]
  /// What is wrong with the group, or `.none`.
  public var errorCode: KafkaError

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, topics: [Topic], errorCode: KafkaError = .none) {
    self.throttleTime = throttleTime
    self.topics = topics
    self.errorCode = errorCode
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 3 ? reader.milliseconds() : .zero
    topics = try reader.array(version: version)
    errorCode = try version >= 2 ? reader.error() : .none
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 3 { writer.milliseconds(throttleTime) }
    writer.array(topics, version: version)
    if version >= 2 { writer.error(errorCode) }
  }

  /// What was found of one topic.
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

  /// What was found of one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// The next offset to read; −1 when none is stored.
    public var committedOffset: Int64
    /// The leader epoch of the last record read, −1 when unknown.
    public var committedLeaderEpoch: Int32
    /// What the client stored with it.
    public var metadata: String?
    /// Why nothing was looked up, or `.none`.
    public var errorCode: KafkaError

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      index: Int32, committedOffset: Int64 = -1, committedLeaderEpoch: Int32 = -1, metadata: String? = nil,
      errorCode: KafkaError = .none
    ) {
      self.index = index
      self.committedOffset = committedOffset
      self.committedLeaderEpoch = committedLeaderEpoch
      self.metadata = metadata
      self.errorCode = errorCode
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      committedOffset = try reader.int64()
      committedLeaderEpoch = try version >= 5 ? reader.int32() : -1
      metadata = try reader.nullableString()
      errorCode = try reader.error()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.int64(committedOffset)
      if version >= 5 { writer.int32(committedLeaderEpoch) }
      writer.string(metadata)
      writer.error(errorCode)
    }
  }
}
