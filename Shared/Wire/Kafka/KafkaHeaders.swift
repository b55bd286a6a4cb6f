/// What every request begins with (Kafka request header versions 1 and 2; version 2 only adds tagged fields).
public struct KafkaRequestHeader: Hashable, Sendable {
  /// The number of the API, known to us or not.
  public var apiKey: Int16
  /// The version of the request that follows, supported or not.
  public var apiVersion: Int16
  /// Chosen by the client, repeated in the response.
  public var correlationID: Int32
  /// The name the client gives itself, for logs.
  public var clientID: String?

  /// The API, or nil when we do not know the number.
  public var api: KafkaAPI? { KafkaAPI(rawValue: apiKey) }

  /// Whether the body that follows can be decoded.
  public var isImplemented: Bool { api?.implementedVersions.contains(apiVersion) ?? false }

  /// The header of a request to `api`.
  public init(api: KafkaAPI, version: Int16, correlationID: Int32, clientID: String? = nil) {
    apiKey = api.rawValue
    apiVersion = version
    self.correlationID = correlationID
    self.clientID = clientID
  }

  /// Reads a header and leaves `reader` at the body.
  ///
  /// Of a request that is not implemented, only what all versions have in common is read: enough to answer it, or to
  /// log it and close.
  public init(decoding reader: inout KafkaReader) throws(KafkaDecodingError) {
    // The client id keeps its classic form even in flexible headers, so that any broker can read this far (KIP-511).
    reader.isFlexible = false
    apiKey = try reader.int16()
    apiVersion = try reader.int16()
    correlationID = try reader.int32()
    clientID = try reader.nullableString()
    if isImplemented, let api, api.isFlexible(apiVersion) {
      reader.isFlexible = true
      try reader.skipTaggedFields()
    }
  }

  /// Writes the header.
  public func encode(into writer: inout KafkaWriter) {
    writer.isFlexible = false
    writer.int16(apiKey)
    writer.int16(apiVersion)
    writer.int32(correlationID)
    writer.string(clientID)
    writer.isFlexible = api?.isFlexible(apiVersion) ?? false
    writer.noTaggedFields()
  }
}

/// What every response begins with (Kafka response header versions 0 and 1; version 1 only adds tagged fields).
public struct KafkaResponseHeader: Hashable, Sendable {
  /// The number of the request this answers.
  public var correlationID: Int32

  /// The header of the answer to request `correlationID`.
  public init(correlationID: Int32) {
    self.correlationID = correlationID
  }

  /// Reads the header of a response from `api` in `version`, and leaves `reader` at the body.
  public init(decoding reader: inout KafkaReader, api: KafkaAPI, version: Int16) throws(KafkaDecodingError) {
    correlationID = try reader.int32()
    reader.isFlexible = api.hasFlexibleResponseHeader(version)
    try reader.skipTaggedFields()
  }

  /// Writes the header of a response from `api` in `version`.
  public func encode(into writer: inout KafkaWriter, api: KafkaAPI, version: Int16) {
    writer.int32(correlationID)
    writer.isFlexible = api.hasFlexibleResponseHeader(version)
    writer.noTaggedFields()
  }
}
