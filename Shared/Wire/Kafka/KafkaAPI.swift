/// The requests of the Kafka protocol that we speak, by their number on the wire.
public enum KafkaAPI: Int16, CaseIterable, Sendable {
  case produce = 0
  case fetch = 1
  case listOffsets = 2
  case metadata = 3
  case offsetCommit = 8
  case offsetFetch = 9
  case findCoordinator = 10
  case joinGroup = 11
  case heartbeat = 12
  case leaveGroup = 13
  case syncGroup = 14
  case describeGroups = 15
  case listGroups = 16
  case apiVersions = 18
  case createTopics = 19
  case deleteTopics = 20
  case initProducerID = 22
  case describeConfigs = 32
  case createPartitions = 37
  case deleteGroups = 42

  /// The versions a broker of ours can decode and answer.
  public var implementedVersions: ClosedRange<Int16> {
    switch self {
    case .produce: 3...7
    case .fetch: 4...11
    case .listOffsets: 1...2
    case .metadata: 0...8
    case .offsetCommit: 2...7
    case .offsetFetch: 1...5
    case .findCoordinator: 0...2
    case .joinGroup: 0...5
    case .heartbeat: 0...3
    case .leaveGroup: 0...1
    case .syncGroup: 0...3
    case .describeGroups: 0...4
    case .listGroups: 0...4
    case .apiVersions: 0...4
    case .createTopics: 2...4
    case .deleteTopics: 1...3
    case .initProducerID: 0...4
    case .describeConfigs: 1...1
    case .createPartitions: 0...0
    case .deleteGroups: 0...1
    }
  }

  /// The versions a broker of ours says it speaks.
  ///
  /// Produce starts at 0 although versions 0 to 2 (message formats before record batches) are refused: librdkafka
  /// silently drops compression when a broker does not list them.
  public var advertisedVersions: ClosedRange<Int16> {
    self == .produce ? 0...implementedVersions.upperBound : implementedVersions
  }

  /// Whether this version has compact lengths and tagged fields (KIP-482).
  public func isFlexible(_ version: Int16) -> Bool {
    switch self {
    case .apiVersions, .listGroups: version >= 3
    case .initProducerID: version >= 2
    default: false
    }
  }

  /// Whether the response header of this version ends in tagged fields. That of ApiVersions never does: its reader
  /// does not know yet which versions the broker speaks (KIP-511).
  public func hasFlexibleResponseHeader(_ version: Int16) -> Bool {
    self != .apiVersions && isFlexible(version)
  }
}
