import EventLoop
import Wire

/// OffsetFetch (1 to 5): how far a group has come; everywhere, if no topics are named.
enum OffsetFetchKey: Key {
  static func answer(_ request: OffsetFetchRequest, _ call: Call, _ broker: Broker) {
    let group = GroupID(request.groupID)
    let registry = broker.coordinator.registry
    guard let topics = request.topics else { return call.answer(all(registry.allCommitted(group))) }
    call.answer(
      OffsetFetchResponse(
        topics: topics.map { topic in
          .init(
            name: topic.name,
            partitions: topic.partitions.map { index in
              partition(index, registry.committed(group, OffsetKey(topic: topic.name, partition: index)))
            })
        }))
  }

  private static func all(_ offsets: [(key: OffsetKey, value: CommittedOffset)]) -> OffsetFetchResponse {
    var topics: [OffsetFetchResponse.Topic] = []
    for (key, offset) in offsets {
      if topics.last?.name != key.topic { topics.append(.init(name: key.topic, partitions: [])) }
      topics[topics.count - 1].partitions.append(partition(key.partition, offset))
    }
    return OffsetFetchResponse(topics: topics)
  }

  private static func partition(_ index: Int32, _ offset: CommittedOffset?) -> OffsetFetchResponse.Partition {
    .init(
      index: index, committedOffset: offset?.offset ?? -1, committedLeaderEpoch: offset?.leaderEpoch ?? -1,
      metadata: offset?.metadata ?? "")
  }
}
