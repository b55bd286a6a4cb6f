/// Reads record batches from partitions, waiting for them if need be (Kafka API 1, versions 4 to 11; sessions since 7,
/// KIP-227).
public struct FetchRequest: KafkaRequest {
  /// Answered by `FetchResponse`.
  public typealias Response = FetchResponse
  /// Fetch.
  public static let api = KafkaAPI.fetch

  /// The broker that follows; −1 for a consumer.
  public var replicaID: Int32
  /// How long to wait for `minBytes`.
  public var maxWait: Duration
  /// Answer as soon as this many bytes of batches are there.
  public var minBytes: Int32
  /// Answer with no more than this, save that the first batch is sent whole.
  public var maxBytes: Int32
  /// 0 to read everything, 1 to leave out uncommitted and aborted transactions.
  public var isolationLevel: Int8
  /// The fetch session; 0 for none or a new one.
  public var sessionID: Int32
  /// The request's number in its session; 0 asks for a new session, −1 for none.
  public var sessionEpoch: Int32
  /// What to read, by topic.
  public var topics: [Topic]
  /// What to leave out of the session from now on.
  public var forgottenTopics: [ForgottenTopic]
  /// Where the consumer stands, to be sent to a near replica (KIP-392).
  public var rackID: String

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    replicaID: Int32 = -1, maxWait: Duration, minBytes: Int32, maxBytes: Int32, isolationLevel: Int8 = 0,
    sessionID: Int32 = 0, sessionEpoch: Int32 = -1, topics: [Topic], forgottenTopics: [ForgottenTopic] = [],
    rackID: String = ""
  ) {
    self.replicaID = replicaID
    self.maxWait = maxWait
    self.minBytes = minBytes
    self.maxBytes = maxBytes
    self.isolationLevel = isolationLevel
    self.sessionID = sessionID
    self.sessionEpoch = sessionEpoch
    self.topics = topics
    self.forgottenTopics = forgottenTopics
    self.rackID = rackID
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    replicaID = try reader.int32()
    maxWait = try reader.milliseconds()
    minBytes = try reader.int32()
    maxBytes = try reader.int32()
    isolationLevel = try reader.int8()
    sessionID = try version >= 7 ? reader.int32() : 0
    sessionEpoch = try version >= 7 ? reader.int32() : -1
    topics = try reader.array(version: version)
    forgottenTopics = try version >= 7 ? reader.array(version: version) : []
    rackID = try version >= 11 ? reader.string() : ""
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.int32(replicaID)
    writer.milliseconds(maxWait)
    writer.int32(minBytes)
    writer.int32(maxBytes)
    writer.int8(isolationLevel)
    if version >= 7 {
      writer.int32(sessionID)
      writer.int32(sessionEpoch)
    }
    writer.array(topics, version: version)
    if version >= 7 { writer.array(forgottenTopics, version: version) }
    if version >= 11 { writer.string(rackID) }
  }

  /// What to read of one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// What to read, by partition.
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

  /// What to read of one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// The leader epoch the client knows, −1 for none; another one is refused.
    public var currentLeaderEpoch: Int32
    /// The first offset wanted.
    public var fetchOffset: Int64
    /// The first offset a follower has; −1 for a consumer.
    public var logStartOffset: Int64
    /// No more than this from this partition.
    public var maxBytes: Int32

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      index: Int32, currentLeaderEpoch: Int32 = -1, fetchOffset: Int64, logStartOffset: Int64 = -1, maxBytes: Int32
    ) {
      self.index = index
      self.currentLeaderEpoch = currentLeaderEpoch
      self.fetchOffset = fetchOffset
      self.logStartOffset = logStartOffset
      self.maxBytes = maxBytes
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      currentLeaderEpoch = try version >= 9 ? reader.int32() : -1
      fetchOffset = try reader.int64()
      logStartOffset = try version >= 5 ? reader.int64() : -1
      maxBytes = try reader.int32()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      if version >= 9 { writer.int32(currentLeaderEpoch) }
      writer.int64(fetchOffset)
      if version >= 5 { writer.int64(logStartOffset) }
      writer.int32(maxBytes)
    }
  }

  /// Partitions to leave out of the session.
  public struct ForgottenTopic: KafkaFields {
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

/// Brings record batches. Encoding leaves a gap for the batches of each partition that has any, so that they can be
/// sent from their file.
public struct FetchResponse: KafkaResponse {
  /// Fetch.
  public static let api = KafkaAPI.fetch

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// What is wrong with the session, or `.none`.
  public var errorCode: KafkaError
  /// The fetch session, 0 for none.
  public var sessionID: Int32
  /// What was read, by topic.
  public var topics: [Topic]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, errorCode: KafkaError = .none, sessionID: Int32 = 0, topics: [Topic]) {
    self.throttleTime = throttleTime
    self.errorCode = errorCode
    self.sessionID = sessionID
    self.topics = topics
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try reader.milliseconds()
    errorCode = try version >= 7 ? reader.error() : .none
    sessionID = try version >= 7 ? reader.int32() : 0
    topics = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.milliseconds(throttleTime)
    if version >= 7 {
      writer.error(errorCode)
      writer.int32(sessionID)
    }
    writer.array(topics, version: version)
  }

  /// What was read of one topic.
  public struct Topic: KafkaFields {
    /// The topic.
    public var name: String
    /// What was read, by partition.
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

  /// What was read of one partition.
  public struct Partition: KafkaFields {
    /// The partition.
    public var index: Int32
    /// Why nothing was read, or `.none`.
    public var errorCode: KafkaError
    /// One past the last offset that consumers may see.
    public var highWatermark: Int64
    /// One past the last offset decided by its transaction.
    public var lastStableOffset: Int64
    /// The first offset the partition still has.
    public var logStartOffset: Int64
    /// What a consumer of committed records must skip; nil when it reads everything.
    public var abortedTransactions: [AbortedTransaction]?
    /// The replica to read from instead; −1 for this one.
    public var preferredReadReplica: Int32
    /// The record batches; nil for null, which is best not sent. Decoded: where they lie in the frame, in bytes from
    /// its start. To be encoded: any range of their length.
    public var records: Range<Int>?

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      index: Int32, errorCode: KafkaError = .none, highWatermark: Int64 = -1, lastStableOffset: Int64 = -1,
      logStartOffset: Int64 = -1, abortedTransactions: [AbortedTransaction]? = nil, preferredReadReplica: Int32 = -1,
      records: Range<Int>? = 0..<0
    ) {
      self.index = index
      self.errorCode = errorCode
      self.highWatermark = highWatermark
      self.lastStableOffset = lastStableOffset
      self.logStartOffset = logStartOffset
      self.abortedTransactions = abortedTransactions
      self.preferredReadReplica = preferredReadReplica
      self.records = records
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      index = try reader.int32()
      errorCode = try reader.error()
      highWatermark = try reader.int64()
      lastStableOffset = try reader.int64()
      logStartOffset = try version >= 5 ? reader.int64() : -1
      abortedTransactions = try reader.nullableArray(version: version)
      preferredReadReplica = try version >= 11 ? reader.int32() : -1
      records = try reader.byteRange()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(index)
      writer.error(errorCode)
      writer.int64(highWatermark)
      writer.int64(lastStableOffset)
      if version >= 5 { writer.int64(logStartOffset) }
      writer.array(abortedTransactions, version: version)
      if version >= 11 { writer.int32(preferredReadReplica) }
      writer.records(records)
    }
  }

  /// An aborted transaction among the batches.
  public struct AbortedTransaction: KafkaFields {
    /// Who began it.
    public var producerID: Int64
    /// Its first record.
    public var firstOffset: Int64

    /// With every field given.
    public init(producerID: Int64, firstOffset: Int64) {
      self.producerID = producerID
      self.firstOffset = firstOffset
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      producerID = try reader.int64()
      firstOffset = try reader.int64()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int64(producerID)
      writer.int64(firstOffset)
    }
  }
}
