/// Keeps a member in its group (Kafka API 12, versions 0 to 3).
public struct HeartbeatRequest: KafkaRequest {
  /// Answered by `HeartbeatResponse`.
  public typealias Response = HeartbeatResponse
  /// Heartbeat.
  public static let api = KafkaAPI.heartbeat

  /// The group.
  public var groupID: String
  /// The member's generation.
  public var generationID: Int32
  /// The member.
  public var memberID: String
  /// The name a static member keeps over restarts (KIP-345).
  public var groupInstanceID: String?

  /// Fields that the version in use lacks may be left at their defaults.
  public init(groupID: String, generationID: Int32, memberID: String, groupInstanceID: String? = nil) {
    self.groupID = groupID
    self.generationID = generationID
    self.memberID = memberID
    self.groupInstanceID = groupInstanceID
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groupID = try reader.string()
    generationID = try reader.int32()
    memberID = try reader.string()
    groupInstanceID = try version >= 3 ? reader.nullableString() : nil
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(groupID)
    writer.int32(generationID)
    writer.string(memberID)
    if version >= 3 { writer.string(groupInstanceID) }
  }
}

/// Says whether the member may go on.
public struct HeartbeatResponse: KafkaResponse {
  /// Heartbeat.
  public static let api = KafkaAPI.heartbeat

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// `.rebalanceInProgress` when the member must join anew, another error, or `.none`.
  public var errorCode: KafkaError

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, errorCode: KafkaError = .none) {
    self.throttleTime = throttleTime
    self.errorCode = errorCode
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 1 ? reader.milliseconds() : .zero
    errorCode = try reader.error()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 1 { writer.milliseconds(throttleTime) }
    writer.error(errorCode)
  }
}
