public import Contract

/// What a service says about itself in the catalogue: what can be asked of it, and what it publishes.
public struct ServiceRecord: Codable, Sendable, Hashable {
  /// The service.
  public let service: String
  /// The build's contract version: a record with a lower one never takes the place of one with a higher.
  public let version: Int
  /// What can be asked.
  public let endpoints: [EndpointRecord]
  /// What it publishes.
  public let events: [EventRecord]
  /// What it tells clients.
  public let pushes: [PushRecord]

  /// Describes a service.
  public init(
    service: String, version: Int, endpoints: [EndpointRecord], events: [EventRecord], pushes: [PushRecord] = []
  ) {
    (self.service, self.version, self.endpoints, self.events) = (service, version, endpoints, events)
    self.pushes = pushes
  }

  /// Reads a record; one from before there were pushes has none.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    service = try container.decode(String.self, forKey: .service)
    version = try container.decode(Int.self, forKey: .version)
    endpoints = try container.decode([EndpointRecord].self, forKey: .endpoints)
    events = try container.decode([EventRecord].self, forKey: .events)
    pushes = try container.decodeIfPresent([PushRecord].self, forKey: .pushes) ?? []
  }
}

/// One endpoint as the gateway has to know it.
public struct EndpointRecord: Codable, Sendable, Hashable {
  /// The endpoint's name.
  public let name: String
  /// Where it stands on the public surface; nil when only services may ask.
  public let route: Route?
  /// What it has to do with clients' sockets.
  public let socket: SocketUse?
  /// What keeps its requests in order.
  public let key: PartitionKey
  /// Whether it changes anything.
  public let effect: Effect
  /// Whether it may be asked a second time while the first is unanswered: reads, and writes that are recorded in Postgres.
  public let mayBeHedged: Bool
  /// The status of a successful answer.
  public let success: Int
  /// The request's fields, those of path and query included.
  public let request: Schema
  /// What is answered.
  public let reply: Schema
  /// The ways in which the domain may say no.
  public let refusals: [RefusalRecord]

  /// One way in which the domain may say no.
  public struct RefusalRecord: Codable, Sendable, Hashable {
    /// The stable word.
    public let code: String
    /// The HTTP status.
    public let status: Int
    /// For people.
    public let detail: String
  }

  /// Describes an endpoint. Throws `SchemaError` when a type does not show its shape.
  public init<Request: Endpoint>(_ type: Request.Type, mayBeHedged: Bool) throws {
    (name, route, socket, key) = (type.name, type.route, type.socket, type.key)
    (effect, success) = (type.effect, type.success)
    self.mayBeHedged = mayBeHedged
    precondition(
      type.route.map { ($0.answers != Route.json) == (Request.Reply.self == Document.self) } ?? true,
      "\(type.name): a route says what it answers where the reply is a Document, and only there")
    request = try Schema(of: type)
    reply = try Schema(of: Request.Reply.self)
    refusals = (Request.Refusal.self as? any CaseIterable.Type).map { Self.refusals(of: $0) } ?? []
  }
}

extension EndpointRecord {
  private static func refusals<Choice: CaseIterable>(of type: Choice.Type) -> [RefusalRecord] {
    type.allCases.compactMap { $0 as? any Refusal }.map {
      RefusalRecord(code: $0.code, status: $0.status, detail: $0.detail)
    }
  }
}

/// One event that a service publishes.
public struct EventRecord: Codable, Sendable, Hashable {
  /// The event's name.
  public let name: String
  /// Its payload.
  public let payload: Schema

  /// Describes an event. Throws `SchemaError` when its type does not show its shape.
  public init<Fact: Event>(_ type: Fact.Type) throws {
    name = type.name
    payload = try Schema(of: type)
  }
}

/// One kind of push that a service sends.
public struct PushRecord: Codable, Sendable, Hashable {
  /// The event's name.
  public let name: String
  /// The channels that it is sent to.
  public let channels: ChannelPattern
  /// Its payload.
  public let payload: Schema

  /// Describes a push. Throws `SchemaError` when its type does not show its shape.
  public init<P: Push>(_ type: P.Type, on channels: ChannelPattern) throws {
    (name, self.channels) = (type.name, channels)
    payload = try Schema(of: type)
  }
}
