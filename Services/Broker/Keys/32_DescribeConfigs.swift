import EventLoop
import Wire

/// DescribeConfigs (1): the settings of topics, and the few of the broker that clients ask for.
enum DescribeConfigsKey: Key {
  private static let topic: Int8 = 2
  private static let broker: Int8 = 4
  // Where a value comes from (ConfigSource of the protocol).
  private static let topicOverride: Int8 = 1
  private static let brokerStart: Int8 = 4
  private static let builtIn: Int8 = 5

  static func answer(_ request: DescribeConfigsRequest, _ call: Call, _ broker: Broker) {
    call.answer(DescribeConfigsResponse(results: request.resources.map { describe($0, broker) }))
  }

  private static func describe(
    _ resource: DescribeConfigsRequest.Resource, _ broker: Broker
  ) -> DescribeConfigsResponse.Resource {
    func result(_ error: KafkaError, _ message: String?, _ configs: [DescribeConfigsResponse.Config] = [])
      -> DescribeConfigsResponse.Resource
    {
      .init(
        errorCode: error, errorMessage: message, resourceType: resource.resourceType,
        resourceName: resource.resourceName,
        configs: configs.filter { resource.configurationKeys?.contains($0.name) ?? true })
    }
    switch resource.resourceType {
    case topic:
      guard let topic = broker.topics[resource.resourceName] else {
        return result(.unknownTopicOrPartition, "there is no topic \(resource.resourceName)")
      }
      return result(
        .none, nil,
        topic.config.entries.map {
          .init(
            name: $0.name, value: $0.value, isReadOnly: false, source: $0.isDefault ? builtIn : topicOverride,
            isSensitive: false)
        })
    case Self.broker:
      guard resource.resourceName == String(broker.nodeID) else {
        return result(.invalidRequest, "there is one broker, \(broker.nodeID)")
      }
      return result(
        .none, nil,
        broker.settings.map {
          .init(name: $0.name, value: $0.value, isReadOnly: true, source: brokerStart, isSensitive: false)
        })
    default:
      return result(.invalidRequest, "settings are kept of topics (2) and the broker (4) only")
    }
  }
}
