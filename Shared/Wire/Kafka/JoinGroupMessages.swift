/// Joins a consumer group (Kafka API 11, versions 0 to 5).
public struct JoinGroupRequest: KafkaRequest {
  /// Answered by `JoinGroupResponse`.
  public typealias Response = JoinGroupResponse
  /// JoinGroup.
  public static let api = KafkaAPI.joinGroup

  /// The group.
  public var groupID: String
  /// Without a heartbeat for so long, the member is taken for dead.
  public var sessionTimeout: Duration
  /// How long members get to rejoin; −1 ms in version 0, where the session timeout serves.
  public var rebalanceTimeout: Duration
  /// The member; empty when it has no id yet.
  public var memberID: String
  /// The name a static member keeps over restarts (KIP-345).
  public var groupInstanceID: String?
  /// What the group is for; `consumer` for consumers.
  public var protocolType: String
  /// The ways to share partitions that the member can do, best first.
  public var protocols: [GroupProtocol]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    groupID: String, sessionTimeout: Duration, rebalanceTimeout: Duration = .milliseconds(-1), memberID: String = "",
    groupInstanceID: String? = nil, protocolType: String, protocols: [GroupProtocol]
  ) {
    self.groupID = groupID
    self.sessionTimeout = sessionTimeout
    self.rebalanceTimeout = rebalanceTimeout
    self.memberID = memberID
    self.groupInstanceID = groupInstanceID
    self.protocolType = protocolType
    self.protocols = protocols
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groupID = try reader.string()
    sessionTimeout = try reader.milliseconds()
    rebalanceTimeout = try version >= 1 ? reader.milliseconds() : .milliseconds(-1)
    memberID = try reader.string()
    groupInstanceID = try version >= 5 ? reader.nullableString() : nil
    protocolType = try reader.string()
    protocols = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.string(groupID)
    writer.milliseconds(sessionTimeout)
    if version >= 1 { writer.milliseconds(rebalanceTimeout) }
    writer.string(memberID)
    if version >= 5 { writer.string(groupInstanceID) }
    writer.string(protocolType)
    writer.array(protocols, version: version)
  }

  /// A way to share partitions.
  public struct GroupProtocol: KafkaFields {
    /// Its name, such as `range`.
    public var name: String
    /// What the leader needs of this member; opaque to the broker.
    public var metadata: [UInt8]

    /// With every field given.
    public init(name: String, metadata: [UInt8]) {
      self.name = name
      self.metadata = metadata
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      name = try reader.string()
      metadata = try reader.bytes()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(name)
      writer.bytes(metadata)
    }
  }
}

/// Tells a member its generation, and the leader all members.
public struct JoinGroupResponse: KafkaResponse {
  /// JoinGroup.
  public static let api = KafkaAPI.joinGroup

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Why the member did not join, or `.none`.
  public var errorCode: KafkaError
  /// The generation, −1 with an error.
  public var generationID: Int32
  /// The way to share partitions that all members can do.
  public var protocolName: String
  /// The member that shares out the partitions.
  public var leader: String
  /// The member that asked.
  public var memberID: String
  /// All members when the leader asked, else none.
  public var members: [Member]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(
    throttleTime: Duration = .zero, errorCode: KafkaError = .none, generationID: Int32 = -1, protocolName: String = "",
    leader: String = "", memberID: String, members: [Member] = []
  ) {
    self.throttleTime = throttleTime
    self.errorCode = errorCode
    self.generationID = generationID
    self.protocolName = protocolName
    self.leader = leader
    self.memberID = memberID
    self.members = members
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 2 ? reader.milliseconds() : .zero
    errorCode = try reader.error()
    generationID = try reader.int32()
    protocolName = try reader.string()
    leader = try reader.string()
    memberID = try reader.string()
    members = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 2 { writer.milliseconds(throttleTime) }
    writer.error(errorCode)
    writer.int32(generationID)
    writer.string(protocolName)
    writer.string(leader)
    writer.string(memberID)
    writer.array(members, version: version)
  }

  /// A member of the group.
  public struct Member: KafkaFields {
    /// The member.
    public var memberID: String
    /// The name a static member keeps over restarts.
    public var groupInstanceID: String?
    /// What it sent for the chosen protocol.
    public var metadata: [UInt8]

    /// Fields that the version in use lacks may be left at their defaults.
    public init(memberID: String, groupInstanceID: String? = nil, metadata: [UInt8]) {
      self.memberID = memberID
      self.groupInstanceID = groupInstanceID
      self.metadata = metadata
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      memberID = try reader.string()
      groupInstanceID = try version >= 5 ? reader.nullableString() : nil
      metadata = try reader.bytes()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(memberID)
      if version >= 5 { writer.string(groupInstanceID) }
      writer.bytes(metadata)
    }
  }
}
