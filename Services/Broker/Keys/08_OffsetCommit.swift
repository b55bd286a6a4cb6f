import EventLoop
import Wire

/// OffsetCommit (2 to 7): stores how far a group has come. Answered when the offsets are durable.
///
/// The retention time that versions 2 to 4 may carry is not heeded: offsets live as long as the broker's own setting.
enum OffsetCommitKey: Key {
  static func answer(_ request: OffsetCommitRequest, _ call: Call, _ broker: Broker) {
    let claim = MemberClaim(
      memberID: MemberID(request.memberID), instanceID: request.groupInstanceID.map { InstanceID($0) },
      generation: request.generationID)
    // Offsets of partitions that do not exist are refused one by one; the others are stored.
    let topics = request.topics.map { topic in
      (
        name: topic.name,
        partitions: topic.partitions.map { ($0, broker.topics.partition(topic.name, $0.index) != nil) }
      )
    }
    let commits = topics.flatMap { topic in
      topic.partitions.filter(\.1).map { partition, _ in
        OffsetCommit(
          topic: topic.name, partition: partition.index, offset: partition.committedOffset,
          leaderEpoch: partition.committedLeaderEpoch, metadata: partition.committedMetadata ?? "")
      }
    }
    broker.coordinator.commit(GroupID(request.groupID), claim, commits, call) { results in
      var stored = results.makeIterator()
      call.answer(
        OffsetCommitResponse(
          topics: topics.map { topic in
            .init(
              name: topic.name,
              partitions: topic.partitions.map { partition, exists in
                .init(
                  index: partition.index,
                  errorCode: exists ? KafkaError(stored.next() ?? nil) : .unknownTopicOrPartition)
              })
          }))
    }
  }
}
