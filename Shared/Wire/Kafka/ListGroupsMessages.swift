/// Asks which consumer groups there are (Kafka API 16, versions 0 to 4; flexible since 3).
public struct ListGroupsRequest: KafkaRequest {
  /// Answered by `ListGroupsResponse`.
  public typealias Response = ListGroupsResponse
  /// ListGroups.
  public static let api = KafkaAPI.listGroups

  /// Only groups in these states; all when empty.
  public var statesFilter: [String]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(statesFilter: [String] = []) {
    self.statesFilter = statesFilter
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    reader.isFlexible = Self.api.isFlexible(version)
    statesFilter = try version >= 4 ? reader.strings() : []
    try reader.skipTaggedFields()
    // librdkafka 2.0.2 closes version 4 twice. Apache Kafka never looks at what is left over.
    if version >= 4, reader.remaining == 1 { try reader.skipTaggedFields() }
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.isFlexible = Self.api.isFlexible(version)
    if version >= 4 { writer.strings(statesFilter) }
    writer.noTaggedFields()
  }
}

/// Lists consumer groups.
public struct ListGroupsResponse: KafkaResponse {
  /// ListGroups.
  public static let api = KafkaAPI.listGroups

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Why there is no list, or `.none`.
  public var errorCode: KafkaError
  /// The groups.
  public var groups: [Group]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, errorCode: KafkaError = .none, groups: [Group]) {
    self.throttleTime = throttleTime
    self.errorCode = errorCode
    self.groups = groups
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    reader.isFlexible = Self.api.isFlexible(version)
    throttleTime = try version >= 1 ? reader.milliseconds() : .zero
    errorCode = try reader.error()
    groups = try reader.array(version: version)
    try reader.skipTaggedFields()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.isFlexible = Self.api.isFlexible(version)
    if version >= 1 { writer.milliseconds(throttleTime) }
    writer.error(errorCode)
    writer.array(groups, version: version)
    writer.noTaggedFields()
  }

  /// A consumer group in the list.
  public struct Group: KafkaFields {
    /// The group.
    public var groupID: String
    /// What the group is for; empty when it never had members.
    public var protocolType: String
    /// Its state, as DescribeGroups names it.
    public var groupState: String

    /// Fields that the version in use lacks may be left at their defaults.
    public init(groupID: String, protocolType: String, groupState: String = "") {
      self.groupID = groupID
      self.protocolType = protocolType
      self.groupState = groupState
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      groupID = try reader.string()
      protocolType = try reader.string()
      groupState = try version >= 4 ? reader.string() : ""
      try reader.skipTaggedFields()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(groupID)
      writer.string(protocolType)
      if version >= 4 { writer.string(groupState) }
      writer.noTaggedFields()
    }
  }
}
