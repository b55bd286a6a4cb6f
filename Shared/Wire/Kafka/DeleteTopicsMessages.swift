/// Deletes topics (Kafka API 20, versions 1 to 3).
public struct DeleteTopicsRequest: KafkaRequest {
  /// Answered by `DeleteTopicsResponse`.
  public typealias Response = DeleteTopicsResponse
  /// DeleteTopics.
  public static let api = KafkaAPI.deleteTopics

  /// The topics.
  public var topicNames: [String]
  /// How long the broker may take.
  public var timeout: Duration

  /// With every field given.
  public init(topicNames: [String], timeout: Duration) {
    self.topicNames = topicNames
    self.timeout = timeout
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    topicNames = try reader.strings()
    timeout = try reader.milliseconds()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.strings(topicNames)
    writer.milliseconds(timeout)
  }
}

/// Says which topics were deleted.
public struct DeleteTopicsResponse: KafkaResponse {
  /// DeleteTopics.
  public static let api = KafkaAPI.deleteTopics

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
    /// Why it was not deleted, or `.none`.
    public var errorCode: KafkaError

    /// Fields that the version in use lacks may be left at their defaults.
    public init(name: String, errorCode: KafkaError = .none) {
      self.name = name
      self.errorCode = errorCode
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      errorCode = try reader.error()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.error(errorCode)
    }
  }
}
