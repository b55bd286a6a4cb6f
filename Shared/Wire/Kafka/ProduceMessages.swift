/// Appends record batches to partitions (Kafka API 0, versions 3 to 7). The versions differ in meaning, not in form:
/// from 7 on batches may be compressed with zstd.
public struct ProduceRequest: KafkaRequest {
  /// Answered by `ProduceResponse`.
  public typealias Response = ProduceResponse
  /// Produce.
  public static let api = KafkaAPI.produce

  /// The transaction the batches belong to; nil outside transactions.
  public var transactionalID: String?
  /// How many replicas must have the batches before the answer: 0 (no answer at all), 1 (the leader), or −1 (all).
  public var acks: Int16
  /// How long the leader may wait for replicas.
  public var timeout: Duration
  /// What to append, by topic.
  public var topics: [Topic]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(transactionalID: String? = nil, acks: Int16, timeout: Duration, topics: [Topic]) {
    self.transactionalID = transactionalID
    self.acks = acks
    self.timeout = timeout
    self.topics = topics
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    transactionalID = try reader.nullableString()
    acks = try reader.int16()
    timeout = try reader.milliseconds()
    topics = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(transactionalID)
    writer.int16(acks)
    writer.milliseconds(timeout)
    writer.array(topics, version: version)
  }

  /// What to append to one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// What to append, by partition.
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

  /// What to append to one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// Where the record batches lie in the frame, in bytes from its start; nil for null. Encoding leaves a gap of that
    /// length.
    public var records: Range<Int>?

    /// With every field given.
    public init(index: Int32, records: Range<Int>?) {
      self.index = index
      self.records = records
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      records = try reader.byteRange()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.records(records)
    }
  }
}

/// Says where batches were appended. A request with `acks` 0 gets none.
public struct ProduceResponse: KafkaResponse {
  /// Produce.
  public static let api = KafkaAPI.produce

  /// Results by topic.
  public var topics: [Topic]
  /// How long the client should pause because of a quota.
  public var throttleTime: Duration

  /// Fields that the version in use lacks may be left at their defaults.
  public init(topics: [Topic], throttleTime: Duration = .zero) {
    self.topics = topics
    self.throttleTime = throttleTime
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    topics = try reader.array(version: version)
    throttleTime = try reader.milliseconds()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.array(topics, version: version)
    writer.milliseconds(throttleTime)
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

  /// Where batches were appended to one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// Why nothing was appended, or `.none`.
    public var errorCode: KafkaError
    /// The offset of the first record appended.
    public var baseOffset: Int64
    /// Milliseconds since 1970 when the topic stamps records itself, else −1.
    public var logAppendTime: Int64
    /// The first offset the partition still has.
    public var logStartOffset: Int64

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      index: Int32, errorCode: KafkaError = .none, baseOffset: Int64 = -1, logAppendTime: Int64 = -1,
      logStartOffset: Int64 = -1
    ) {
      self.index = index
      self.errorCode = errorCode
      self.baseOffset = baseOffset
      self.logAppendTime = logAppendTime
      self.logStartOffset = logStartOffset
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      errorCode = try reader.error()
      baseOffset = try reader.int64()
      logAppendTime = try reader.int64()
      logStartOffset = try version >= 5 ? reader.int64() : -1
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.error(errorCode)
      writer.int64(baseOffset)
      writer.int64(logAppendTime)
      if version >= 5 { writer.int64(logStartOffset) }
    }
  }
}
