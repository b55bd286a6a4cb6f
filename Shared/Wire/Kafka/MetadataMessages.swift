/// Asks for brokers, topics and partitions (Kafka API 3, versions 0 to 8). Version 0 knows no null: there, an empty
/// list stands for all topics, and "no topics" cannot be said.
public struct MetadataRequest: KafkaRequest {
  /// Answered by `MetadataResponse`.
  public typealias Response = MetadataResponse
  /// Metadata.
  public static let api = KafkaAPI.metadata

  /// The topics; nil for all of them.
  public var topics: [String]?
  /// Whether topics that do not exist may be created.
  public var allowAutoTopicCreation: Bool
  /// Whether to say what the client may do with the cluster.
  public var includeClusterAuthorizedOperations: Bool
  /// Whether to say what the client may do with the topics.
  public var includeTopicAuthorizedOperations: Bool

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    topics: [String]?, allowAutoTopicCreation: Bool = true, includeClusterAuthorizedOperations: Bool = false,
    includeTopicAuthorizedOperations: Bool = false
  ) {
    self.topics = topics
    self.allowAutoTopicCreation = allowAutoTopicCreation
    self.includeClusterAuthorizedOperations = includeClusterAuthorizedOperations
    self.includeTopicAuthorizedOperations = includeTopicAuthorizedOperations
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    let names = try reader.nullableStrings()
    topics = version == 0 && names == [] ? nil : names
    allowAutoTopicCreation = try version >= 4 ? reader.bool() : true
    includeClusterAuthorizedOperations = try version >= 8 ? reader.bool() : false
    includeTopicAuthorizedOperations = try version >= 8 ? reader.bool() : false
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.strings(version == 0 ? topics ?? [] : topics)
    if version >= 4 { writer.bool(allowAutoTopicCreation) }
    if version >= 8 {
      writer.bool(includeClusterAuthorizedOperations)
      writer.bool(includeTopicAuthorizedOperations)
    }
  }
}

/// Describes the cluster.
public struct MetadataResponse: KafkaResponse {
  /// Metadata.
  public static let api = KafkaAPI.metadata

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// The live brokers.
  public var brokers: [Broker]
  /// The name of the cluster.
  public var clusterID: String?
  /// The broker to send administration to.
  public var controllerID: Int32
  /// The topics asked for.
  public var topics: [Topic]
  /// What the client may do, a bit set; the lowest number when not asked for.
  public var clusterAuthorizedOperations: Int32

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    throttleTime: Duration = .zero, brokers: [Broker], clusterID: String? = nil, controllerID: Int32 = -1,
    topics: [Topic], clusterAuthorizedOperations: Int32 = .min
  ) {
    self.throttleTime = throttleTime
    self.brokers = brokers
    self.clusterID = clusterID
    self.controllerID = controllerID
    self.topics = topics
    self.clusterAuthorizedOperations = clusterAuthorizedOperations
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 3 ? reader.milliseconds() : .zero
    brokers = try reader.array(version: version)
    clusterID = try version >= 2 ? reader.nullableString() : nil
    controllerID = try version >= 1 ? reader.int32() : -1
    topics = try reader.array(version: version)
    clusterAuthorizedOperations = try version >= 8 ? reader.int32() : .min
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 3 { writer.milliseconds(throttleTime) }
    writer.array(brokers, version: version)
    if version >= 2 { writer.string(clusterID) }
    if version >= 1 { writer.int32(controllerID) }
    writer.array(topics, version: version)
    if version >= 8 { writer.int32(clusterAuthorizedOperations) }
  }

  /// A live broker.
  public struct Broker: KafkaFields {
    /// Its number.
    public var nodeID: Int32
    /// The host to connect to.
    public var host: String
    /// The port to connect to.
    public var port: Int32
    /// Where it stands.
    public var rack: String?

    /// Fields that the version in use lacks may be left at their defaults.
    public init(nodeID: Int32, host: String, port: Int32, rack: String? = nil) {
      self.nodeID = nodeID
      self.host = host
      self.port = port
      self.rack = rack
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      nodeID = try reader.int32()
      host = try reader.string()
      port = try reader.int32()
      rack = try version >= 1 ? reader.nullableString() : nil
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int32(nodeID)
      writer.string(host)
      writer.int32(port)
      if version >= 1 { writer.string(rack) }
    }
  }

  /// A topic.
  public struct Topic: KafkaFields {
    /// Why it cannot be used, or `.none`.
    public var errorCode: KafkaError
    /// The topic.
    public var name: String
    /// Whether it belongs to the broker itself.
    public var isInternal: Bool
    /// Its partitions.
    public var partitions: [Partition]
    /// What the client may do, a bit set; the lowest number when not asked for.
    public var authorizedOperations: Int32

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      errorCode: KafkaError = .none, name: String, isInternal: Bool = false, partitions: [Partition] = [],
      authorizedOperations: Int32 = .min
    ) {
      self.errorCode = errorCode
      self.name = name
      self.isInternal = isInternal
      self.partitions = partitions
      self.authorizedOperations = authorizedOperations
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      errorCode = try reader.error()
      name = try reader.string()
      isInternal = try version >= 1 ? reader.bool() : false
      partitions = try reader.array(version: version)
      authorizedOperations = try version >= 8 ? reader.int32() : .min
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.error(errorCode)
      writer.string(name)
      if version >= 1 { writer.bool(isInternal) }
      writer.array(partitions, version: version)
      if version >= 8 { writer.int32(authorizedOperations) }
    }
  }

  /// A partition.
  public struct Partition: KafkaFields {
    /// Why it cannot be used, or `.none`.
    public var errorCode: KafkaError
    /// Its number.
    public var index: Int32
    /// The broker to produce to and fetch from.
    public var leaderID: Int32
    /// How often it had a new leader.
    public var leaderEpoch: Int32
    /// The brokers that hold it.
    public var replicaNodes: [Int32]
    /// Those of them that are up to date.
    public var isrNodes: [Int32]
    /// Those of them that are down.
    public var offlineReplicas: [Int32]

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      errorCode: KafkaError = .none, index: Int32, leaderID: Int32, leaderEpoch: Int32 = -1, replicaNodes: [Int32],
      isrNodes: [Int32], offlineReplicas: [Int32] = []
    ) {
      self.errorCode = errorCode
      self.index = index
      self.leaderID = leaderID
      self.leaderEpoch = leaderEpoch
      self.replicaNodes = replicaNodes
      self.isrNodes = isrNodes
      self.offlineReplicas = offlineReplicas
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      errorCode = try reader.error()
      index = try reader.int32()
      leaderID = try reader.int32()
      leaderEpoch = try version >= 7 ? reader.int32() : -1
      replicaNodes = try reader.int32s()
      isrNodes = try reader.int32s()
      offlineReplicas = try version >= 5 ? reader.int32s() : []
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.error(errorCode)
      writer.int32(index)
      writer.int32(leaderID)
      if version >= 7 { writer.int32(leaderEpoch) }
      writer.int32s(replicaNodes)
      writer.int32s(isrNodes)
      if version >= 5 { writer.int32s(offlineReplicas) }
    }
  }
}
