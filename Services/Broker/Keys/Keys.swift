import EventLoop
import Wire

/// How one kind of request is answered. One file a kind, named by its number on the wire.
@Loop protocol Key {
  associatedtype Request: KafkaRequest

  /// Answers `request`, through `call`, now or later.
  static func answer(_ request: Request, _ call: Call, _ broker: Broker)
}

/// The contents page: every request this broker answers.
@Loop enum Keys {
  static func answer(
    _ api: KafkaAPI, _ reader: inout KafkaReader, _ frame: UnsafeMutableRawBufferPointer, _ call: Call, _ broker: Broker
  ) throws(KafkaDecodingError) {
    switch api {
    case .produce: ProduceKey.answer(try decode(&reader, call), in: frame, call, broker)
    case .fetch: FetchKey.answer(try decode(&reader, call), call, broker)
    case .listOffsets: ListOffsetsKey.answer(try decode(&reader, call), call, broker)
    case .metadata: MetadataKey.answer(try decode(&reader, call), call, broker)
    case .offsetCommit: OffsetCommitKey.answer(try decode(&reader, call), call, broker)
    case .offsetFetch: OffsetFetchKey.answer(try decode(&reader, call), call, broker)
    case .findCoordinator: FindCoordinatorKey.answer(try decode(&reader, call), call, broker)
    case .joinGroup: JoinGroupKey.answer(try decode(&reader, call), call, broker)
    case .heartbeat: HeartbeatKey.answer(try decode(&reader, call), call, broker)
    case .leaveGroup: LeaveGroupKey.answer(try decode(&reader, call), call, broker)
    case .syncGroup: SyncGroupKey.answer(try decode(&reader, call), call, broker)
    case .describeGroups: DescribeGroupsKey.answer(try decode(&reader, call), call, broker)
    case .listGroups: ListGroupsKey.answer(try decode(&reader, call), call, broker)
    case .apiVersions: ApiVersionsKey.answer(try decode(&reader, call), call, broker)
    case .createTopics: CreateTopicsKey.answer(try decode(&reader, call), call, broker)
    case .deleteTopics: DeleteTopicsKey.answer(try decode(&reader, call), call, broker)
    case .initProducerID: InitProducerIDKey.answer(try decode(&reader, call), call, broker)
    case .describeConfigs: DescribeConfigsKey.answer(try decode(&reader, call), call, broker)
    case .createPartitions: CreatePartitionsKey.answer(try decode(&reader, call), call, broker)
    case .deleteGroups: DeleteGroupsKey.answer(try decode(&reader, call), call, broker)
    }
  }

  private static func decode<Request: KafkaRequest>(
    _ reader: inout KafkaReader, _ call: Call
  ) throws(KafkaDecodingError) -> Request {
    let request = try Request(decoding: &reader, version: call.header.apiVersion)
    try reader.expectEnd()
    return request
  }
}
