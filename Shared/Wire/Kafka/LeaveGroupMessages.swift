/// Leaves a consumer group at once (Kafka API 13, versions 0 and 1).
public struct LeaveGroupRequest: KafkaRequest {
  /// Answered by `LeaveGroupResponse`.
  public typealias Response = LeaveGroupResponse
  /// LeaveGroup.
  public static let api = KafkaAPI.leaveGroup

  /// The group.
  public var groupID: String
  /// The member.
  public var memberID: String

  /// With every field given.
  public init(groupID: String, memberID: String) {
    self.groupID = groupID
    self.memberID = memberID
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groupID = try reader.string()
    memberID = try reader.string()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(groupID)
    writer.string(memberID)
  }
}

/// Says whether the member has left.
public struct LeaveGroupResponse: KafkaResponse {
  /// LeaveGroup.
  public static let api = KafkaAPI.leaveGroup

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Why not, or `.none`.
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
