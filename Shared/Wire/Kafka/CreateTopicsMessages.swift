/// Creates topics (Kafka API 19, versions 2 to 4).
public struct CreateTopicsRequest: KafkaRequest {
  /// Answered by `CreateTopicsResponse`.
  public typealias Response = CreateTopicsResponse
  /// CreateTopics.
  public static let api = KafkaAPI.createTopics

  /// The topics.
  public var topics: [Topic]
  /// How long the broker may take.
  public var timeout: Duration
  /// Check, but create nothing.
  public var validateOnly: Bool

  /// Fields that the version in use lacks may be left at their defaults.
  public init(topics: [Topic], timeout: Duration, validateOnly: Bool = false) {
    self.topics = topics
    self.timeout = timeout
    self.validateOnly = validateOnly
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    topics = try reader.array(version: version)
    timeout = try reader.milliseconds()
    validateOnly = try reader.bool()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.array(topics, version: version)
    writer.milliseconds(timeout)
    writer.bool(validateOnly)
  }

  /// A topic to create.
  public struct Topic: KafkaFields {
    /// Its name.
    public var name: String
    /// How many partitions; −1 for the broker's default (since version 4, KIP-464) or with `assignments`.
    public var partitionCount: Int32
    /// How many replicas; −1 as above.
    public var replicationFactor: Int16
    /// Which brokers hold which partition; empty to let the broker choose.
    public var assignments: [Assignment]
    /// Settings that differ from the broker's.
    public var configs: [Config]

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      name: String, partitionCount: Int32, replicationFactor: Int16, assignments: [Assignment] = [],
      configs: [Config] = []
    ) {
      self.name = name
      self.partitionCount = partitionCount
      self.replicationFactor = replicationFactor
      self.assignments = assignments
      self.configs = configs
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      partitionCount = try reader.int32()
      replicationFactor = try reader.int16()
      assignments = try reader.array(version: version)
      configs = try reader.array(version: version)
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.int32(partitionCount)
      writer.int16(replicationFactor)
      writer.array(assignments, version: version)
      writer.array(configs, version: version)
    }
  }

  /// The brokers of one partition.
  public struct Assignment: KafkaFields {
    /// The partition.
    public var partitionIndex: Int32
    /// The brokers, the leader first.
    public var brokerIDs: [Int32]

    /// With every field given.
    public init(partitionIndex: Int32, brokerIDs: [Int32]) {
      self.partitionIndex = partitionIndex
      self.brokerIDs = brokerIDs
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      partitionIndex = try reader.int32()
      brokerIDs = try reader.int32s()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(partitionIndex)
      writer.int32s(brokerIDs)
    }
  }

  /// A setting.
  public struct Config: KafkaFields {
    /// Such as `retention.ms`.
    public var name: String
    /// Its value; nil for the default.
    public var value: String?

    /// With every field given.
    public init(name: String, value: String?) {
      self.name = name
      self.value = value
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      value = try reader.nullableString()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.string(value)
    }
  }
}

/// Says which topics were created.
public struct CreateTopicsResponse: KafkaResponse {
  /// CreateTopics.
  public static let api = KafkaAPI.createTopics

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
    throttleTime = try reader.milliseconds()
    topics = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.milliseconds(throttleTime)
    writer.array(topics, version: version)
  }

  /// The result of one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// Why it was not created, or `.none`.
    public var errorCode: KafkaError
    /// The same in words.
    public var errorMessage: String?

    /// Fields that the version in use lacks may be left at their defaults.
    public init(name: String, errorCode: KafkaError = .none, errorMessage: String? = nil) {
      self.name = name
      self.errorCode = errorCode
      self.errorMessage = errorMessage
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      errorCode = try reader.error()
      errorMessage = try reader.nullableString()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.error(errorCode)
      writer.string(errorMessage)
    }
  }
}
