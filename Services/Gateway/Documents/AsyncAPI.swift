import Contract
import Mesh

/// What is told as it happens, as an AsyncAPI 3.0 document: which topic carries which events of services, and which channel
/// which pushes to clients.
enum AsyncAPI {
  /// The document for these services. The same services give the same bytes, whatever their order.
  static func document(_ services: [ServiceRecord]) -> JSONTree {
    let publishers = services.filter { !$0.events.isEmpty }.sorted { $0.service < $1.service }
    let families = ChannelFamily.all(services)
    let pushes = Dictionary(families.flatMap(\.pushes).map { ($0.name, $0) }) { first, _ in first }
    let messages =
      publishers.flatMap { service in sorted(service).map { ($0.name, message($0)) } }
      + pushes.values.sorted { $0.name < $1.name }.map { ($0.name, message($0)) }
    return .object([
      ("asyncapi", .string("3.0.0")),
      (
        "info",
        .object([
          ("title", .string("skillmesh")), ("version", .string(OpenAPI.apiVersion)),
          (
            "description",
            .string(
              "Facts that services publish to topics, each aggregate's in order, as CloudEvents 1.0 in Kafka's binary "
                + "mode; and what clients are told on channels, by the Pusher Channels protocol 7 at /app/skillmesh or "
                + "by Socket.IO at /socket.io/.")
          ),
        ])
      ),
      ("defaultContentType", .string("application/json")),
      ("channels", .object(publishers.map { (topic($0), channel($0)) } + families.map { ($0.id, $0.channel) })),
      (
        "operations",
        .object(
          publishers.map { ("\($0.service).publish", operation($0)) }
            + families.filter { !$0.pushes.isEmpty }.map { ("\($0.id).push", $0.operation) })
      ),
      ("components", .object([("messages", .object(messages))])),
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

  private static func message(_ push: PushRecord) -> JSONTree {
    .object([("name", .string(push.name)), ("payload", push.payload.jsonSchema)])
  }
}

/// The realtime channels of one pattern, and what clients are told on them.
private struct ChannelFamily {
  let pattern: ChannelPattern
  let pushes: [PushRecord]

  /// Those to which a service admits, or pushes.
  static func all(_ services: [ServiceRecord]) -> [ChannelFamily] {
    var pushes: [ChannelPattern: [PushRecord]] = [:]
    for service in services {
      for endpoint in service.endpoints {
        if case .admits(let pattern) = endpoint.socket { pushes[pattern, default: []] += [] }
      }
      for push in service.pushes { pushes[push.channels, default: []].append(push) }
    }
    return pushes.map { ChannelFamily(pattern: $0, pushes: $1.sorted { $0.name < $1.name }) }
      .sorted { $0.id < $1.id }
  }

  /// The pattern without its value: "presence-conversation".
  var id: String { String(pattern.prefix.last == "-" ? pattern.prefix.dropLast() : pattern.prefix[...]) }

  var channel: JSONTree {
    .object([
      ("address", .string("\(pattern)")), ("description", .string(description)),
      ("parameters", .object([(pattern.parameter, .object([("description", .string("Which one."))]))])),
      (
        "messages",
        .object(pushes.map { ($0.name, .object([("$ref", .string("#/components/messages/\($0.name)"))])) })
      ),
    ])
  }

  var operation: JSONTree {
    .object([
      ("action", .string("send")), ("channel", .object([("$ref", .string("#/channels/\(id)"))])),
      (
        "messages",
        .array(pushes.map { .object([("$ref", .string("#/channels/\(id)/messages/\($0.name)"))]) })
      ),
    ])
  }

  private var description: String {
    switch Channel(pattern.prefix)?.kind {
    case .restricted: "A realtime channel for members whom its owner admits."
    case .presence: "A realtime channel for members whom its owner admits; they see who else is there."
    default: "A realtime channel for everybody."
    }
  }
}
