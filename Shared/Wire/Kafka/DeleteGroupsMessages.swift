/// Deletes consumer groups that have no members (Kafka API 42, versions 0 and 1).
public struct DeleteGroupsRequest: KafkaRequest {
  /// Answered by `DeleteGroupsResponse`.
  public typealias Response = DeleteGroupsResponse
  /// DeleteGroups.
  public static let api = KafkaAPI.deleteGroups

  /// The groups.
  public var groupNames: [String]

  /// With every field given.
  public init(groupNames: [String]) {
    self.groupNames = groupNames
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    groupNames = try reader.strings()
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.strings(groupNames)
  }
}

/// Says which groups were deleted.
public struct DeleteGroupsResponse: KafkaResponse {
  /// DeleteGroups.
  public static let api = KafkaAPI.deleteGroups

  /// How long the client should pause because of a quota.
  public var throttleTime: Duration
  /// Results by group.
  public var results: [Group]

  /// Fields that the version in use lacks may be left at their defaults.
  public init(throttleTime: Duration = .zero, results: [Group]) {
    self.throttleTime = throttleTime
    self.results = results
  }

  /// Reads the body.
  public init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
    throttleTime = try reader.milliseconds()
    results = try reader.array(version: version)
  }

  /// Writes the body.
  public func encode(into writer: inout KafkaWriter, version: Int16) {
    writer.milliseconds(throttleTime)
    writer.array(results, version: version)
  }

  /// The result of one group.
  public struct Group: KafkaFields {
    /// The group.
    public var groupID: String
    /// Why it was not deleted, or `.none`.
    public var errorCode: KafkaError

    /// Fields that the version in use lacks may be left at their defaults.
    public init(groupID: String, errorCode: KafkaError = .none) {
      self.groupID = groupID
      self.errorCode = errorCode
    }

    init(decoding reader: inout KafkaReader, version: Int16) throws(KafkaDecodingError) {
      groupID = try reader.string()
      errorCode = try reader.error()
    }

    func encode(into writer: inout KafkaWriter, version: Int16) {
      writer.string(groupID)
      writer.error(errorCode)
    }
  }
}
