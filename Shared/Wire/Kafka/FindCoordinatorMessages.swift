/// Asks which broker coordinates a group or a transaction (Kafka API 10, versions 0 to 2).
public struct FindCoordinatorRequest: KafkaRequest {
  /// Answered by `FindCoordinatorResponse`.
  public typealias Response = FindCoordinatorResponse
  /// FindCoordinator.
  public static let api = KafkaAPI.findCoordinator

  /// The group or the transactional id.
  public var key: String
  /// 0 for a group, 1 for a transaction.
  public var keyType: Int8

  /// Fields that the version in use lacks may be left at their defaults.
  public init(key: String, keyType: Int8 = 0) {
    self.key = key
    self.keyType = keyType
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    key = try reader.string()
    keyType = try version >= 1 ? reader.int8() : 0
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(key)
    if version >= 1 { writer.int8(keyType) }
  }
}

/// Names the coordinator.
public struct FindCoordinatorResponse: KafkaResponse {
  /// FindCoordinator.
  public static let api = KafkaAPI.findCoordinator

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Why there is none, or `.none`.
  public var errorCode: KafkaError
  /// The same in words.
  public var errorMessage: String?
  /// The broker's number, −1 with an error.
  public var nodeID: Int32
  /// The host to connect to.
  public var host: String
  /// The port to connect to.
  public var port: Int32

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    throttleTime: Duration = .zero, errorCode: KafkaError = .none, errorMessage: String? = nil, nodeID: Int32,
    host: String, port: Int32
  ) {
    self.throttleTime = throttleTime
    self.errorCode = errorCode
    self.errorMessage = errorMessage
    self.nodeID = nodeID
    self.host = host
    self.port = port
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 1 ? reader.milliseconds() : .zero
    errorCode = try reader.error()
    errorMessage = try version >= 1 ? reader.nullableString() : nil
    nodeID = try reader.int32()
    host = try reader.string()
    port = try reader.int32()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 1 { writer.milliseconds(throttleTime) }
    writer.error(errorCode)
    if version >= 1 { writer.string(errorMessage) }
    writer.int32(nodeID)
    writer.string(host)
    writer.int32(port)
  }
}
