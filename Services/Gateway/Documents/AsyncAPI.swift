import Contract
import Mesh

/// The events of all services as an AsyncAPI 3.0 document: which topic carries what.
enum AsyncAPI {
  /// The document for these services. The same services give the same bytes, whatever their order.
  static func document(_ services: [ServiceRecord]) -> JSONTree {
    let publishers = services.filter { !$0.events.isEmpty }.sorted { $0.service < $1.service }
    return .object([
      ("asyncapi", .string("3.0.0")),
      (
        "info",
        .object([
          ("title", .string("skillmesh")), ("version", .string(OpenAPI.apiVersion)),
          (
            "description",
            .string(
              "Facts that services publish, each aggregate's in order, as CloudEvents 1.0 in Kafka's binary mode.")
          ),
        ])
      ),
      ("defaultContentType", .string("application/json")),
      ("channels", .object(publishers.map { (topic($0), channel($0)) })),
      ("operations", .object(publishers.map { ("\($0.service).publish", operation($0)) })),
      (
        "components",
        .object([
          ("messages", .object(publishers.flatMap { service in sorted(service).map { ($0.name, message($0)) } }))
        ])
      ),
    ])
  }

  private static func topic(_ service: ServiceRecord) -> String { MeshTopics.events(of: service.service) }

  private static func sorted(_ service: ServiceRecord) -> [EventRecord] {
    service.events.sorted { $0.name < $1.name }
  }

  private static func channel(_ service: ServiceRecord) -> JSONTree {
    .object([
      ("address", .string(topic(service))),
      (
        "messages",
        .object(sorted(service).map { ($0.name, .object([("$ref", .string("#/components/messages/\($0.name)"))])) })
      ),
    ])
  }

  private static func operation(_ service: ServiceRecord) -> JSONTree {
    let channel = "#/channels/\(topic(service))"
    return .object([
      ("action", .string("send")), ("channel", .object([("$ref", .string(channel))])),
      (
        "messages",
        .array(sorted(service).map { .object([("$ref", .string("\(channel)/messages/\($0.name)"))]) })
      ),
    ])
  }

  private static func message(_ event: EventRecord) -> JSONTree {
    .object([("name", .string(event.name)), ("payload", event.payload.jsonSchema)])
  }
}
