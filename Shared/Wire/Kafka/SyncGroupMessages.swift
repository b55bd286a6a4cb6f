/// Asks for the member's share of the partitions; the leader's brings the shares of all (Kafka API 14, versions 0 to
/// 3).
public struct SyncGroupRequest: KafkaRequest {
  /// Answered by `SyncGroupResponse`.
  public typealias Response = SyncGroupResponse
  /// SyncGroup.
  public static let api = KafkaAPI.syncGroup

  /// The group.
  public var groupID: String
  /// The member's generation.
  public var generationID: Int32
  /// The member.
  public var memberID: String
  /// The name a static member keeps over restarts (KIP-345).
  public var groupInstanceID: String?
  /// From the leader: every member's share; from others: none.
  public var assignments: [Assignment]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    groupID: String, generationID: Int32, memberID: String, groupInstanceID: String? = nil,
    assignments: [Assignment] = []
  ) {
    self.groupID = groupID
    self.generationID = generationID
    self.memberID = memberID
    self.groupInstanceID = groupInstanceID
    self.assignments = assignments
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groupID = try reader.string()
    generationID = try reader.int32()
    memberID = try reader.string()
    groupInstanceID = try version >= 3 ? reader.nullableString() : nil
    assignments = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(groupID)
    writer.int32(generationID)
    writer.string(memberID)
    if version >= 3 { writer.string(groupInstanceID) }
    writer.array(assignments, version: version)
  }

  /// One member's share.
  public struct Assignment: KafkaFields {
    /// The member.
    public var memberID: String
    /// Its share; opaque to the broker.
    public var assignment: [UInt8]

    /// With every field given.
    public init(memberID: String, assignment: [UInt8]) {
      self.memberID = memberID
      self.assignment = assignment
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      memberID = try reader.string()
      assignment = try reader.bytes()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(memberID)
      writer.bytes(assignment)
    }
  }
}

/// Brings the member's share.
public struct SyncGroupResponse: KafkaResponse {
  /// SyncGroup.
  public static let api = KafkaAPI.syncGroup

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Why there is none, or `.none`.
  public var errorCode: KafkaError
  /// The share as the leader encoded it; empty with an error.
  public var assignment: [UInt8]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, errorCode: KafkaError = .none, assignment: [UInt8] = []) {
    self.throttleTime = throttleTime
    self.errorCode = errorCode
    self.assignment = assignment
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 1 ? reader.milliseconds() : .zero
    errorCode = try reader.error()
    assignment = try reader.bytes()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 1 { writer.milliseconds(throttleTime) }
    writer.error(errorCode)
    writer.bytes(assignment)
  }
}
