import EventLoop
import Wire

/// CreateTopics (2 to 4): makes topics. There is one broker, so every replication factor but 1 (or −1, the default) is
/// refused, as are assignments to other brokers.
enum CreateTopicsKey: Key {
  static func answer(_ request: CreateTopicsRequest, _ call: Call, _ broker: Broker) {
    let names = Dictionary(grouping: request.topics, by: \.name)
    call.answer(
      CreateTopicsResponse(
        topics: request.topics.map { topic in
          guard names[topic.name]?.count == 1 else {
            return .init(
              name: topic.name, errorCode: .invalidRequest, errorMessage: "the request names this topic twice")
          }
          return create(topic, validateOnly: request.validateOnly, broker)
        }))
  }

  private static func create(
    _ topic: CreateTopicsRequest.Topic, validateOnly: Bool, _ broker: Broker
  ) -> CreateTopicsResponse.Topic {
    guard [1, -1].contains(topic.replicationFactor) || !topic.assignments.isEmpty else {
      return .init(
        name: topic.name, errorCode: .invalidReplicationFactor,
        errorMessage: "there is one broker: the replication factor must be 1")
    }
    guard topic.assignments.allSatisfy({ $0.brokerIDs == [broker.nodeID] }),
      Set(topic.assignments.map(\.partitionIndex)) == Set(0..<Int32(topic.assignments.count))
    else {
      return .init(
        name: topic.name, errorCode: .invalidReplicaAssignment,
        errorMessage: "there is one broker, \(broker.nodeID): every partition must be assigned to it alone")
    }
    do throws(LogError) {
      let asked = topic.assignments.isEmpty ? Int(topic.partitionCount) : topic.assignments.count
      var overrides: [String: String] = [:]
      for config in topic.configs { overrides[config.name] = config.value }
      try broker.topics.create(
        topic.name, partitions: asked == -1 ? nil : asked, overrides: overrides, validateOnly: validateOnly)
      return .init(name: topic.name)
    } catch {
      return .init(name: topic.name, errorCode: KafkaError(error), errorMessage: error.message)
    }
  }
}
