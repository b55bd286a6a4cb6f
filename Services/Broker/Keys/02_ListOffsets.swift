import EventLoop
import Wire

/// ListOffsets (1 to 2): the first and last offsets of partitions, or the first at or after a time.
enum ListOffsetsKey: Key {
  static func answer(_ request: ListOffsetsRequest, _ call: Call, _ broker: Broker) {
    call.answer(
      ListOffsetsResponse(
        topics: request.topics.map { topic in
          .init(
            name: topic.name,
            partitions: topic.partitions.map { find($0, broker.topics.partition(topic.name, $0.index)) })
        }))
  }

  private static func find(
    _ asked: ListOffsetsRequest.Partition, _ partition: Partition?
  ) -> ListOffsetsResponse.Partition {
    guard let log = partition?.log else { return .init(index: asked.index, errorCode: .unknownTopicOrPartition) }
    switch asked.timestamp {
    case ListOffsetsRequest.latest: return .init(index: asked.index, offset: log.endOffset)
    case ListOffsetsRequest.earliest: return .init(index: asked.index, offset: log.logStartOffset)
    default:
      do throws(LogError) {
        // Nothing that young: the protocol says so with −1 for both.
        guard let found = try log.offset(notBefore: asked.timestamp) else { return .init(index: asked.index) }
        return .init(index: asked.index, timestamp: found.timestamp, offset: found.offset)
      } catch {
        return .init(index: asked.index, errorCode: KafkaError(error))
      }
    }
  }
}
