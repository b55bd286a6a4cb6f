/// Asks for the state of consumer groups (Kafka API 15, versions 0 to 4).
public struct DescribeGroupsRequest: KafkaRequest {
  /// Answered by `DescribeGroupsResponse`.
  public typealias Response = DescribeGroupsResponse
  /// DescribeGroups.
  public static let api = KafkaAPI.describeGroups

  /// The groups.
  public var groups: [String]
  /// Whether to say what the client may do with them.
  public var includeAuthorizedOperations: Bool

  /// Fields that the version in use lacks may be left at their defaults.
  public init(groups: [String], includeAuthorizedOperations: Bool = false) {
    self.groups = groups
    self.includeAuthorizedOperations = includeAuthorizedOperations
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groups = try reader.strings()
    includeAuthorizedOperations = try version >= 3 ? reader.bool() : false
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.strings(groups)
    if version >= 3 { writer.bool(includeAuthorizedOperations) }
  }
}

/// Describes consumer groups.
public struct DescribeGroupsResponse: KafkaResponse {
  /// DescribeGroups.
  public static let api = KafkaAPI.describeGroups

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// The groups asked for.
  public var groups: [Group]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, groups: [Group]) {
    self.throttleTime = throttleTime
    self.groups = groups
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try version >= 1 ? reader.milliseconds() : .zero
    groups = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    if version >= 1 { writer.milliseconds(throttleTime) }
    writer.array(groups, version: version)
  }

  /// A consumer group.
  public struct Group: KafkaFields {
    /// Why it cannot be described, or `.none`.
    public var errorCode: KafkaError
    /// The group.
    public var groupID: String
    /// `Empty`, `PreparingRebalance`, `CompletingRebalance`, `Stable` or `Dead`.
    public var groupState: String
    /// What the group is for; empty when it never had members.
    public var protocolType: String
    /// The way partitions are shared; empty unless stable.
    public var protocolData: String
    /// Its members.
    public var members: [Member]
    /// What the client may do, a bit set; the lowest number when not asked for.
    public var authorizedOperations: Int32

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      errorCode: KafkaError = .none, groupID: String, groupState: String = "", protocolType: String = "",
      protocolData: String = "", members: [Member] = [], authorizedOperations: Int32 = .min
    ) {
      self.errorCode = errorCode
      self.groupID = groupID
      self.groupState = groupState
      self.protocolType = protocolType
      self.protocolData = protocolData
      self.members = members
      self.authorizedOperations = authorizedOperations
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      errorCode = try reader.error()
      groupID = try reader.string()
      groupState = try reader.string()
      protocolType = try reader.string()
      protocolData = try reader.string()
      members = try reader.array(version: version)
      authorizedOperations = try version >= 3 ? reader.int32() : .min
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.error(errorCode)
      writer.string(groupID)
      writer.string(groupState)
      writer.string(protocolType)
      writer.string(protocolData)
      writer.array(members, version: version)
      if version >= 3 { writer.int32(authorizedOperations) }
    }
  }

  /// A member of a group.
  public struct Member: KafkaFields {
    /// The member.
    public var memberID: String
    /// The name a static member keeps over restarts.
    public var groupInstanceID: String?
    /// The name its client gave itself.
    public var clientID: String
    /// Where it connects from.
    public var clientHost: String
    /// What it sent for the chosen protocol.
    public var memberMetadata: [UInt8]
    /// Its share of the partitions.
    public var memberAssignment: [UInt8]

    /// Fields that the version in use lacks may be left at their defaults.
    public init(
      memberID: String, groupInstanceID: String? = nil, clientID: String, clientHost: String,
      memberMetadata: [UInt8] = [], memberAssignment: [UInt8] = []
    ) {
      self.memberID = memberID
      self.groupInstanceID = groupInstanceID
      self.clientID = clientID
      self.clientHost = clientHost
      self.memberMetadata = memberMetadata
      self.memberAssignment = memberAssignment
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      memberID = try reader.string()
      groupInstanceID = try version >= 4 ? reader.nullableString() : nil
      clientID = try reader.string()
      clientHost = try reader.string()
      memberMetadata = try reader.bytes()
      memberAssignment = try reader.bytes()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(memberID)
      if version >= 4 { writer.string(groupInstanceID) }
      writer.string(clientID)
      writer.string(clientHost)
      writer.bytes(memberMetadata)
      writer.bytes(memberAssignment)
    }
  }
}
