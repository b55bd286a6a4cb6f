/// Adds partitions to topics (Kafka API 37, version 0).
public struct CreatePartitionsRequest: KafkaRequest {
  /// Answered by `CreatePartitionsResponse`.
  public typealias Response = CreatePartitionsResponse
  /// CreatePartitions.
  public static let api = KafkaAPI.createPartitions

  /// The topics.
  public var topics: [Topic]
  /// How long the broker may take.
  public var timeout: Duration
  /// Check, but add nothing.
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

  /// A topic to grow.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// How many partitions it shall have in all.
    public var count: Int32
    /// Which brokers hold the new partitions; nil to let the broker choose.
    public var assignments: [Assignment]?

    /// Fields that the version in use lacks may be left at their defaults.
    public init(name: String, count: Int32, assignments: [Assignment]? = nil) {
      self.name = name
      self.count = count
      self.assignments = assignments
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      count = try reader.int32()
      assignments = try reader.nullableArray(version: version)
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.int32(count)
      writer.array(assignments, version: version)
    }
  }

  /// The brokers of one new partition.
  public struct Assignment: KafkaFields {
    /// The brokers, the leader first.
    public var brokerIDs: [Int32]

    /// With every field given.
    public init(brokerIDs: [Int32]) {
      self.brokerIDs = brokerIDs
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      brokerIDs = try reader.int32s()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32s(brokerIDs)
    }
  }
}

/// Says which topics grew.
public struct CreatePartitionsResponse: KafkaResponse {
  /// CreatePartitions.
  public static let api = KafkaAPI.createPartitions

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
    /// Why it did not grow, or `.none`.
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
