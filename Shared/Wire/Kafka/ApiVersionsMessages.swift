/// Asks what a broker speaks; the first request of most clients (Kafka API 18, versions 0 to 4; flexible since 3,
/// KIP-511).
public struct ApiVersionsRequest: KafkaRequest {
  /// Answered by `ApiVersionsResponse`.
  public typealias Response = ApiVersionsResponse
  /// ApiVersions.
  public static let api = KafkaAPI.apiVersions

  /// The client library, for statistics.
  public var clientSoftwareName: String
  /// Its version.
  public var clientSoftwareVersion: String

  /// Fields that the version in use lacks may be left at their defaults.
  public init(clientSoftwareName: String = "", clientSoftwareVersion: String = "") {
    self.clientSoftwareName = clientSoftwareName
    self.clientSoftwareVersion = clientSoftwareVersion
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    reader.isFlexible = Self.api.isFlexible(version)
    clientSoftwareName = try version >= 3 ? reader.string() : ""
    clientSoftwareVersion = try version >= 3 ? reader.string() : ""
    try reader.skipTaggedFields()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.isFlexible = Self.api.isFlexible(version)
    if version >= 3 {
      writer.string(clientSoftwareName)
      writer.string(clientSoftwareVersion)
    }
    writer.noTaggedFields()
  }
}

/// Lists what a broker speaks. Feature flags (tagged fields) are neither sent nor kept.
public struct ApiVersionsResponse: KafkaResponse {
  /// ApiVersions.
  public static let api = KafkaAPI.apiVersions

  /// `.unsupportedVersion` when the request was too new, or `.none`.
  public var errorCode: KafkaError
  /// The APIs and their versions.
  public var apiKeys: [APIKey]
  /// How long the client should pause because of a quota.
  public var throttleTime: Duration

  /// Fields that the version in use lacks may be left at their defaults.
  public init(errorCode: KafkaError = .none, apiKeys: [APIKey], throttleTime: Duration = .zero) {
    self.errorCode = errorCode
    self.apiKeys = apiKeys
    self.throttleTime = throttleTime
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    reader.isFlexible = Self.api.isFlexible(version)
    errorCode = try reader.error()
    apiKeys = try reader.array(version: version)
    throttleTime = try version >= 1 ? reader.milliseconds() : .zero
    try reader.skipTaggedFields()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.isFlexible = Self.api.isFlexible(version)
    writer.error(errorCode)
    writer.array(apiKeys, version: version)
    if version >= 1 { writer.milliseconds(throttleTime) }
    writer.noTaggedFields()
  }

  /// The versions of one API.
  public struct APIKey: KafkaFields {
    /// The number of the API.
    public var apiKey: Int16
    /// The lowest version spoken.
    public var minVersion: Int16
    /// The highest version spoken.
    public var maxVersion: Int16

    /// With every field given.
    public init(apiKey: Int16, minVersion: Int16, maxVersion: Int16) {
      self.apiKey = apiKey
      self.minVersion = minVersion
      self.maxVersion = maxVersion
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      apiKey = try reader.int16()
      minVersion = try reader.int16()
      maxVersion = try reader.int16()
      try reader.skipTaggedFields()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.int16(apiKey)
      writer.int16(minVersion)
      writer.int16(maxVersion)
      writer.noTaggedFields()
    }
  }
}
