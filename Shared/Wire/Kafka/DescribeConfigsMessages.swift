/// Asks for settings of topics and brokers (Kafka API 32, version 1).
public struct DescribeConfigsRequest: KafkaRequest {
  /// Answered by `DescribeConfigsResponse`.
  public typealias Response = DescribeConfigsResponse
  /// DescribeConfigs.
  public static let api = KafkaAPI.describeConfigs

  /// What to describe.
  public var resources: [Resource]
  /// Whether to say where each value comes from, and what it overrides.
  public var includeSynonyms: Bool

  /// Fields that the version in use lacks may be left at their defaults.
  public init(resources: [Resource], includeSynonyms: Bool = false) {
    self.resources = resources
    self.includeSynonyms = includeSynonyms
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    resources = try reader.array(version: version)
    includeSynonyms = try reader.bool()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.array(resources, version: version)
    writer.bool(includeSynonyms)
  }

  /// A topic or broker to describe.
  public struct Resource: KafkaFields {
    /// 2 for a topic, 4 for a broker.
    public var resourceType: Int8
    /// The topic, or the broker's number in decimal.
    public var resourceName: String
    /// The settings wanted; nil for all.
    public var configurationKeys: [String]?

    /// Fields that the version in use lacks may be left at their defaults.
    public init(resourceType: Int8, resourceName: String, configurationKeys: [String]? = nil) {
      self.resourceType = resourceType
      self.resourceName = resourceName
      self.configurationKeys = configurationKeys
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      resourceType = try reader.int8()
      resourceName = try reader.string()
      configurationKeys = try reader.nullableStrings()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int8(resourceType)
      writer.string(resourceName)
      writer.strings(configurationKeys)
    }
  }
}

/// Describes settings.
public struct DescribeConfigsResponse: KafkaResponse {
  /// DescribeConfigs.
  public static let api = KafkaAPI.describeConfigs

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// What was asked for, in order.
  public var results: [Resource]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, results: [Resource]) {
    self.throttleTime = throttleTime
    self.results = results
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try reader.milliseconds()
    results = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.milliseconds(throttleTime)
    writer.array(results, version: version)
  }

  /// The settings of one topic or broker.
  public struct Resource: KafkaFields {
    /// Why it cannot be described, or `.none`.
    public var errorCode: KafkaError
    /// The same in words.
    public var errorMessage: String?
    /// 2 for a topic, 4 for a broker.
    public var resourceType: Int8
    /// The topic, or the broker's number in decimal.
    public var resourceName: String
    /// The settings.
    public var configs: [Config]

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      errorCode: KafkaError = .none, errorMessage: String? = nil, resourceType: Int8, resourceName: String,
      configs: [Config] = []
    ) {
      self.errorCode = errorCode
      self.errorMessage = errorMessage
      self.resourceType = resourceType
      self.resourceName = resourceName
      self.configs = configs
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      errorCode = try reader.error()
      errorMessage = try reader.nullableString()
      resourceType = try reader.int8()
      resourceName = try reader.string()
      configs = try reader.array(version: version)
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.error(errorCode)
      writer.string(errorMessage)
      writer.int8(resourceType)
      writer.string(resourceName)
      writer.array(configs, version: version)
    }
  }

  /// A setting.
  public struct Config: KafkaFields {
    /// Such as `retention.ms`.
    public var name: String
    /// Its value; nil when it has none, or a secret one.
    public var value: String?
    /// Whether it cannot be changed while the broker runs.
    public var isReadOnly: Bool
    /// Where it comes from: 1 the topic, 4 the broker's start, 5 the default.
    public var source: Int8
    /// Whether the value is secret.
    public var isSensitive: Bool
    /// Where the value comes from and what it overrides, first the one in force.
    public var synonyms: [Synonym]

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      name: String, value: String?, isReadOnly: Bool = false, source: Int8, isSensitive: Bool = false,
      synonyms: [Synonym] = []
    ) {
      self.name = name
      self.value = value
      self.isReadOnly = isReadOnly
      self.source = source
      self.isSensitive = isSensitive
      self.synonyms = synonyms
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      value = try reader.nullableString()
      isReadOnly = try reader.bool()
      source = try reader.int8()
      isSensitive = try reader.bool()
      synonyms = try reader.array(version: version)
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.string(value)
      writer.bool(isReadOnly)
      writer.int8(source)
      writer.bool(isSensitive)
      writer.array(synonyms, version: version)
    }
  }

  /// A value of a setting, from one source.
  public struct Synonym: KafkaFields {
    /// The setting at that source.
    public var name: String
    /// The value.
    public var value: String?
    /// The source, as above.
    public var source: Int8

    /// With every field given.
    public init(name: String, value: String?, source: Int8) {
      self.name = name
      self.value = value
      self.source = source
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      value = try reader.nullableString()
      source = try reader.int8()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.string(value)
      writer.int8(source)
    }
  }
}
