/// Asks for a producer id, so that repeated batches are noticed (Kafka API 22, versions 0 to 4; flexible since 2).
public struct InitProducerIDRequest: KafkaRequest {
  /// Answered by `InitProducerIDResponse`.
  public typealias Response = InitProducerIDResponse
  /// InitProducerID.
  public static let api = KafkaAPI.initProducerID

  /// The name of a transactional producer; nil for an idempotent one.
  public var transactionalID: String?
  /// After so long an open transaction is aborted.
  public var transactionTimeout: Duration
  /// The id held so far, whose epoch shall be raised; −1 for a new one (KIP-360).
  public var producerID: Int64
  /// The epoch held so far, −1 for none.
  public var producerEpoch: Int16

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    transactionalID: String? = nil, transactionTimeout: Duration, producerID: Int64 = -1, producerEpoch: Int16 = -1
  ) {
    self.transactionalID = transactionalID
    self.transactionTimeout = transactionTimeout
    self.producerID = producerID
    self.producerEpoch = producerEpoch
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    reader.isFlexible = Self.api.isFlexible(version)
    transactionalID = try reader.nullableString()
    transactionTimeout = try reader.milliseconds()
    producerID = try version >= 3 ? reader.int64() : -1
    producerEpoch = try version >= 3 ? reader.int16() : -1
    try reader.skipTaggedFields()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.isFlexible = Self.api.isFlexible(version)
    writer.string(transactionalID)
    writer.milliseconds(transactionTimeout)
    if version >= 3 {
      writer.int64(producerID)
      writer.int16(producerEpoch)
    }
    writer.noTaggedFields()
  }
}

/// Gives a producer id.
public struct InitProducerIDResponse: KafkaResponse {
  /// InitProducerID.
  public static let api = KafkaAPI.initProducerID

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Why there is none, or `.none`.
  public var errorCode: KafkaError
  /// The id, −1 with an error.
  public var producerID: Int64
  /// Its epoch.
  public var producerEpoch: Int16

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    throttleTime: Duration = .zero, errorCode: KafkaError = .none, producerID: Int64 = -1, producerEpoch: Int16 = -1
  ) {
    self.throttleTime = throttleTime
    self.errorCode = errorCode
    self.producerID = producerID
    self.producerEpoch = producerEpoch
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    reader.isFlexible = Self.api.isFlexible(version)
    throttleTime = try reader.milliseconds()
    errorCode = try reader.error()
    producerID = try reader.int64()
    producerEpoch = try reader.int16()
    try reader.skipTaggedFields()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.isFlexible = Self.api.isFlexible(version)
    writer.milliseconds(throttleTime)
    writer.error(errorCode)
    writer.int64(producerID)
    writer.int16(producerEpoch)
    writer.noTaggedFields()
  }
}
