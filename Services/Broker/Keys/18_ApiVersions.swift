import EventLoop
import Wire

/// ApiVersions (0 to 4): what this broker speaks. A newer version is answered by `Connection`, in the form of version 0.
enum ApiVersionsKey: Key {
  static func answer(_ request: ApiVersionsRequest, _ call: Call, _ broker: Broker) {
    call.answer(response(.none))
  }

  static func response(_ error: KafkaError) -> ApiVersionsResponse {
    ApiVersionsResponse(
      errorCode: error,
      apiKeys: KafkaAPI.allCases.map { api in
        let versions = api.advertisedVersions
        return .init(apiKey: api.rawValue, minVersion: versions.lowerBound, maxVersion: versions.upperBound)
      })
  }
}
