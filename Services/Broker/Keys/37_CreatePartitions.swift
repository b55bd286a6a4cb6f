import EventLoop
import Wire

/// CreatePartitions (0): gives topics more partitions. Assignments, if there are any, can only name this broker.
enum CreatePartitionsKey: Key {
  static func answer(_ request: CreatePartitionsRequest, _ call: Call, _ broker: Broker) {
    call.answer(
      CreatePartitionsResponse(topics: request.topics.map { grow($0, validateOnly: request.validateOnly, broker) }))
  }

  private static func grow(
    _ topic: CreatePartitionsRequest.Topic, validateOnly: Bool, _ broker: Broker
  ) -> CreatePartitionsResponse.Topic {
    guard topic.assignments?.allSatisfy({ $0.brokerIDs == [broker.nodeID] }) ?? true else {
      return .init(
        name: topic.name, errorCode: .invalidReplicaAssignment,
        errorMessage: "there is one broker, \(broker.nodeID): every partition must be assigned to it alone")
    }
    do throws(LogError) {
      try broker.topics.grow(topic.name, to: Int(topic.count), validateOnly: validateOnly)
      return .init(name: topic.name)
    } catch {
      return .init(name: topic.name, errorCode: KafkaError(error), errorMessage: error.message)
    }
  }
}
