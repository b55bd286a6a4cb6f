import Testing
import Wire

/// A message of each kind with every field set to something that would show if it were lost or moved.
struct KafkaSample: Sendable, CustomTestStringConvertible {
  let name: String
  let versions: ClosedRange<Int16>
  /// The sample's body in a version.
  let encoded: @Sendable (Int16) -> [UInt8]
  /// Decodes a body to its last byte and encodes it again.
  let recoded: @Sendable ([UInt8], Int16) throws(KafkaDecodingError) -> [UInt8]
  /// Whether a body decodes to the sample.
  let isEqual: @Sendable ([UInt8], Int16) throws(KafkaDecodingError) -> Bool

  var testDescription: String { name }

  init<Message: KafkaMessage>(_ message: Message) {
    name = "\(Message.self)"
    versions = Message.api.implementedVersions
    encoded = { encodeBody(message, version: $0) }
    recoded = { body, version throws(KafkaDecodingError) in
      encodeBody(try decodeBody(Message.self, body, version: version), version: version)
    }
    isEqual = { body, version throws(KafkaDecodingError) in
      try decodeBody(Message.self, body, version: version) == message
    }
  }

  static let all: [KafkaSample] = produceAndFetch + cluster + groups + administration

  static func named(_ name: some StringProtocol) -> KafkaSample? { all.first { $0.name == name } }
}

/// A message's body; the gaps for record batches are filled with 0, 1, 2 and so on.
func encodeBody(_ message: some KafkaMessage, version: Int16) -> [UInt8] {
  var writer = KafkaWriter()
  message.encode(into: &writer, version: version)
  let frame = writer.finish()
  return frame.filled(with: frame.gaps.map { (0..<$0.length).map { UInt8(truncatingIfNeeded: $0) } })
}

/// The message that a body holds, to its last byte.
func decodeBody<Message: KafkaMessage>(
  _: Message.Type = Message.self, _ body: [UInt8], version: Int16
) throws(KafkaDecodingError) -> Message {
  try read(body) { reader throws(KafkaDecodingError) in try Message(decoding: &reader, version: version) }
}

/// What `body` reads from `bytes`, which it must read to the end.
func read<Value>(
  _ bytes: [UInt8], _ body: (inout KafkaReader) throws(KafkaDecodingError) -> Value
) throws(KafkaDecodingError) -> Value {
  try bytes.withUnsafeBufferPointer { buffer throws(KafkaDecodingError) in
    var reader = KafkaReader(UnsafeRawBufferPointer(buffer))
    let value = try body(&reader)
    try reader.expectEnd()
    return value
  }
}

/// The bytes that hexadecimal digits stand for. Single spaces and line breaks are only for the eye; what follows two
/// spaces on a line is a comment.
func hex(_ text: String) -> [UInt8] {
  text.split(separator: "\n").flatMap { line in
    let digits = line.split(separator: "  ", omittingEmptySubsequences: false)[0].filter { $0 != " " }
      .map { UInt8($0.hexDigitValue!) }
    return stride(from: 0, to: digits.count, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
  }
}

extension KafkaSample {
  private static let produceAndFetch = [
    KafkaSample(
      ProduceRequest(
        transactionalID: "tx", acks: -1, timeout: .seconds(30),
        topics: [
          .init(name: "topic-ä", partitions: [.init(index: 3, records: 36..<41), .init(index: 4, records: nil)])
        ])),
    KafkaSample(
      ProduceResponse(
        topics: [
          .init(
            name: "topic-ä",
            partitions: [
              .init(index: 3, errorCode: .corruptMessage, logAppendTime: 1_700_000_000_123, logStartOffset: 17)
            ])
        ], throttleTime: .milliseconds(9))),
    KafkaSample(
      FetchRequest(
        maxWait: .milliseconds(500), minBytes: 1, maxBytes: 52_428_800, isolationLevel: 1, sessionID: 77,
        sessionEpoch: 5,
        topics: [
          .init(
            name: "topic-ä",
            partitions: [.init(index: 2, currentLeaderEpoch: 8, fetchOffset: 1 << 40, maxBytes: 1_048_576)])
        ],
        forgottenTopics: [.init(name: "old", partitions: [0, 1])], rackID: "rack-1")),
    KafkaSample(
      FetchResponse(
        throttleTime: .milliseconds(9), errorCode: .fetchSessionIDNotFound, sessionID: 77,
        topics: [
          .init(
            name: "topic-ä",
            partitions: [
              .init(
                index: 2, highWatermark: 100, lastStableOffset: 99, logStartOffset: 7,
                abortedTransactions: [.init(producerID: 12, firstOffset: 90)], preferredReadReplica: 3,
                records: 86..<91),
              .init(index: 4, errorCode: .offsetOutOfRange, records: 133..<133),
            ])
        ])),
    KafkaSample(
      ListOffsetsRequest(
        isolationLevel: 1,
        topics: [.init(name: "t", partitions: [.init(index: 2, timestamp: ListOffsetsRequest.earliest)])])),
    KafkaSample(
      ListOffsetsResponse(
        throttleTime: .milliseconds(9),
        topics: [.init(name: "t", partitions: [.init(index: 2, timestamp: 1_700_000_000_123, offset: 42)])])),
  ]

  private static let cluster = [
    KafkaSample(ApiVersionsRequest(clientSoftwareName: "librdkafka", clientSoftwareVersion: "2.0.2")),
    KafkaSample(
      ApiVersionsResponse(
        errorCode: .unsupportedVersion,
        apiKeys: [
          .init(apiKey: 0, minVersion: 0, maxVersion: 7), .init(apiKey: 18, minVersion: 0, maxVersion: 4),
        ], throttleTime: .milliseconds(9))),
    KafkaSample(
      MetadataRequest(
        topics: ["a", "bc"], allowAutoTopicCreation: false, includeClusterAuthorizedOperations: true,
        includeTopicAuthorizedOperations: true)),
    KafkaSample(
      MetadataResponse(
        throttleTime: .milliseconds(9), brokers: [.init(nodeID: 1, host: "127.0.0.1", port: 9092)],
        clusterID: "mesh", controllerID: 1,
        topics: [
          .init(
            errorCode: .leaderNotAvailable, name: "a", isInternal: true,
            partitions: [
              .init(
                index: 2, leaderID: 1, leaderEpoch: 6, replicaNodes: [1, 2], isrNodes: [1], offlineReplicas: [2])
            ], authorizedOperations: 264)
        ], clusterAuthorizedOperations: 32)),
    KafkaSample(InitProducerIDRequest(transactionTimeout: .seconds(60), producerID: 1234, producerEpoch: 5)),
    KafkaSample(
      InitProducerIDResponse(
        throttleTime: .milliseconds(9), errorCode: .invalidProducerEpoch, producerID: 1234, producerEpoch: 6)),
  ]

  private static let groups = [
    KafkaSample(
      OffsetCommitRequest(
        groupID: "g", generationID: 4, memberID: "m-1", groupInstanceID: "slot-1",
        topics: [
          .init(
            name: "t",
            partitions: [
              .init(index: 2, committedOffset: 42, committedLeaderEpoch: 6),
              .init(index: 3, committedOffset: 43, committedLeaderEpoch: 6, committedMetadata: "note"),
            ])
        ])),
    KafkaSample(
      OffsetCommitResponse(
        throttleTime: .milliseconds(9),
        topics: [.init(name: "t", partitions: [.init(index: 2, errorCode: .illegalGeneration)])])),
    KafkaSample(OffsetFetchRequest(groupID: "g", topics: [.init(name: "t", partitions: [2, 3])])),
    KafkaSample(
      OffsetFetchResponse(
        throttleTime: .milliseconds(9),
        topics: [
          .init(
            name: "t",
            partitions: [
              .init(
                index: 2, committedOffset: 42, committedLeaderEpoch: 6, metadata: "note",
                errorCode: .unknownTopicOrPartition)
            ])
        ], errorCode: .notCoordinator)),
    KafkaSample(FindCoordinatorRequest(key: "g", keyType: 1)),
    KafkaSample(
      FindCoordinatorResponse(
        throttleTime: .milliseconds(9), errorCode: .coordinatorNotAvailable, errorMessage: "none yet", nodeID: -1,
        host: "", port: -1)),
    KafkaSample(
      JoinGroupRequest(
        groupID: "g", sessionTimeout: .seconds(6), rebalanceTimeout: .seconds(60), memberID: "m-1",
        groupInstanceID: "slot-1", protocolType: "consumer",
        protocols: [.init(name: "range", metadata: [0, 1]), .init(name: "cooperative-sticky", metadata: [])])),
    KafkaSample(
      JoinGroupResponse(
        throttleTime: .milliseconds(9), errorCode: .memberIDRequired, generationID: 4, protocolName: "range",
        leader: "m-1", memberID: "m-1", members: [.init(memberID: "m-1", metadata: [0, 1])])),
    KafkaSample(HeartbeatRequest(groupID: "g", generationID: 4, memberID: "m-1", groupInstanceID: "slot-1")),
    KafkaSample(HeartbeatResponse(throttleTime: .milliseconds(9), errorCode: .rebalanceInProgress)),
    KafkaSample(LeaveGroupRequest(groupID: "g", memberID: "m-1")),
    KafkaSample(LeaveGroupResponse(throttleTime: .milliseconds(9), errorCode: .unknownMemberID)),
    KafkaSample(
      SyncGroupRequest(
        groupID: "g", generationID: 4, memberID: "m-1", groupInstanceID: "slot-1",
        assignments: [.init(memberID: "m-1", assignment: [0, 1, 2])])),
    KafkaSample(SyncGroupResponse(throttleTime: .milliseconds(9), assignment: [0, 1, 2])),
    KafkaSample(DescribeGroupsRequest(groups: ["g", "h"], includeAuthorizedOperations: true)),
    KafkaSample(
      DescribeGroupsResponse(
        throttleTime: .milliseconds(9),
        groups: [
          .init(
            groupID: "g", groupState: "Stable", protocolType: "consumer", protocolData: "range",
            members: [
              .init(
                memberID: "m-1", groupInstanceID: "slot-1", clientID: "c", clientHost: "/127.0.0.1",
                memberMetadata: [0, 1], memberAssignment: [2])
            ], authorizedOperations: 328)
        ])),
    KafkaSample(ListGroupsRequest(statesFilter: ["Stable", "Empty"])),
    KafkaSample(
      ListGroupsResponse(
        throttleTime: .milliseconds(9), errorCode: .coordinatorLoadInProgress,
        groups: [.init(groupID: "g", protocolType: "consumer", groupState: "Stable")])),
    KafkaSample(DeleteGroupsRequest(groupNames: ["g", "h"])),
    KafkaSample(
      DeleteGroupsResponse(
        throttleTime: .milliseconds(9), results: [.init(groupID: "g", errorCode: .nonEmptyGroup)])),
  ]

  private static let administration = [
    KafkaSample(
      CreateTopicsRequest(
        topics: [
          .init(
            name: "t", partitionCount: -1, replicationFactor: -1,
            assignments: [.init(partitionIndex: 0, brokerIDs: [1, 2])],
            configs: [.init(name: "cleanup.policy", value: "compact"), .init(name: "retention.ms", value: nil)])
        ], timeout: .seconds(30), validateOnly: true)),
    KafkaSample(
      CreateTopicsResponse(
        throttleTime: .milliseconds(9),
        topics: [.init(name: "t", errorCode: .topicAlreadyExists, errorMessage: "exists")])),
    KafkaSample(DeleteTopicsRequest(topicNames: ["t", "u"], timeout: .seconds(30))),
    KafkaSample(
      DeleteTopicsResponse(
        throttleTime: .milliseconds(9), topics: [.init(name: "t", errorCode: .unknownTopicOrPartition)])),
    KafkaSample(
      CreatePartitionsRequest(
        topics: [
          .init(name: "t", count: 6, assignments: [.init(brokerIDs: [1])]), .init(name: "u", count: 7),
        ],
        timeout: .seconds(30), validateOnly: true)),
    KafkaSample(
      CreatePartitionsResponse(
        throttleTime: .milliseconds(9), topics: [.init(name: "t", errorCode: .invalidPartitions)])),
    KafkaSample(
      DescribeConfigsRequest(
        resources: [
          .init(resourceType: 2, resourceName: "t", configurationKeys: ["retention.ms"]),
          .init(resourceType: 4, resourceName: "1"),
        ], includeSynonyms: true)),
    KafkaSample(
      DescribeConfigsResponse(
        throttleTime: .milliseconds(9),
        results: [
          .init(
            resourceType: 2, resourceName: "t",
            configs: [
              .init(
                name: "retention.ms", value: "600000", source: 1, isSensitive: true,
                synonyms: [.init(name: "log.retention.ms", value: nil, source: 5)])
            ])
        ])),
  ]
}
