import EventLoop
import Telemetry
import Wire

/// Metadata (0 to 8): the brokers, of which there is one, and topics with their partitions. Asking for a topic that does
/// not exist makes it, if the broker is set to and the client does not object.
enum MetadataKey: Key {
  private static let leaderEpoch: Int32 = 0
  /// Operations that are not known, as there is no authorisation.
  private static let notAsked = Int32.min

  static func answer(_ request: MetadataRequest, _ call: Call, _ broker: Broker) {
    let address = broker.advertised(to: call.connection)
    let names = request.topics ?? broker.topics.names
    call.answer(
      MetadataResponse(
        brokers: [.init(nodeID: broker.nodeID, host: address.host, port: Int32(address.port))],
        clusterID: broker.clusterID, controllerID: broker.nodeID,
        topics: names.map { describe($0, mayCreate: request.topics != nil && request.allowAutoTopicCreation, broker) },
        clusterAuthorizedOperations: notAsked))
  }

  private static func describe(_ name: String, mayCreate: Bool, _ broker: Broker) -> MetadataResponse.Topic {
    do throws(LogError) {
      var topic = broker.topics[name]
      if topic == nil, mayCreate { topic = try broker.topics.autoCreate(name) }
      guard let topic else {
        let isName = TopicDescription.isValid(name)
        return .init(errorCode: isName ? .unknownTopicOrPartition : .invalidTopicException, name: name, partitions: [])
      }
      return .init(name: name, isInternal: topic.isInternal, partitions: topic.partitions.map { describe($0, broker) })
    } catch {
      return .init(errorCode: KafkaError(error), name: name, partitions: [])
    }
  }

  private static func describe(_ partition: Partition, _ broker: Broker) -> MetadataResponse.Partition {
    .init(
      index: partition.index, leaderID: broker.nodeID, leaderEpoch: leaderEpoch, replicaNodes: [broker.nodeID],
      isrNodes: [broker.nodeID])
  }
}
