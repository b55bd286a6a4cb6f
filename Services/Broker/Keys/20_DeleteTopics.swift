import EventLoop
import Wire

/// DeleteTopics (1 to 3): removes topics with their records.
enum DeleteTopicsKey: Key {
  static func answer(_ request: DeleteTopicsRequest, _ call: Call, _ broker: Broker) {
    call.answer(DeleteTopicsResponse(topics: request.topicNames.map { delete($0, broker) }))
  }

  private static func delete(_ name: String, _ broker: Broker) -> DeleteTopicsResponse.Topic {
    do throws(LogError) {
      try broker.delete(name)
      return .init(name: name)
    } catch {
      return .init(name: name, errorCode: KafkaError(error))
    }
  }
}
