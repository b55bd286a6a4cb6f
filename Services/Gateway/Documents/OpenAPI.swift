import Contract
import Mesh

/// The public surface as an OpenAPI 3.1 document, made of nothing but the catalogue: whatever is served is in it, and
/// nothing else.
enum OpenAPI {
  /// The document for these endpoints. The same endpoints give the same bytes, whatever their order.
  static func document(_ endpoints: [PublicEndpoint]) -> JSONTree {
    .object([
      ("openapi", .string("3.1.0")),
      (
        "info",
        .object([
          ("title", .string("skillmesh")), ("version", .string(apiVersion)),
          (
            "description", .string("People teach what they know, learn what they want, and pay one another in credits.")
          ),
        ])
      ),
      ("servers", .array([.object([("url", .string("/"))])])),
      ("tags", .array(Set(endpoints.map(\.service)).sorted().map { .object([("name", .string($0))]) })),
      ("paths", paths(endpoints)),
      ("components", components),
    ])
  }

  static let apiVersion = "1.0.0"

  private static func paths(_ endpoints: [PublicEndpoint]) -> JSONTree {
    // Paths that differ in the names of their values only are one path, under the names of its first endpoint.
    var groups: [[PathTemplate.Part]: [PublicEndpoint]] = [:]
    for endpoint in endpoints.sorted(by: { ($0.route.path, $0.name) < ($1.route.path, $1.name) }) {
      groups[endpoint.path.shape, default: []].append(endpoint)
    }
    let sorted = groups.values.sorted { $0[0].route.path < $1[0].route.path }
    return .object(
      sorted.map { group in
        let names = group[0].path.names
        let methods = Route.Method.allCases.compactMap { method in group.first { $0.route.method == method } }
        return (
          group[0].route.path, .object(methods.map { ($0.route.method.rawValue.lowercased(), operation($0, names)) })
        )
      })
  }

  private static func operation(_ endpoint: PublicEndpoint, _ pathNames: [String]) -> JSONTree {
    var members: [(String, JSONTree)] = [
      ("operationId", .string(endpoint.name)),
      ("summary", .string(summary(of: endpoint.name))),
      ("tags", .array([.string(endpoint.service)])),
    ]
    if endpoint.route.audience != .anyone {
      members.append(("security", .array([.object([("accessToken", .array([]))])])))
    }
    let parameters = parameters(of: endpoint, pathNames)
    if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
    if !endpoint.readsQuery {
      let body = Schema.object(endpoint.valuesBesidePath)
      members.append(
        (
          "requestBody",
          .object([
            ("required", .boolean(endpoint.valuesBesidePath.contains { $0.isRequired })),
            ("content", content("application/json", body.jsonSchema)),
          ])
        ))
    }
    members.append(("responses", responses(of: endpoint)))
    members.append(("x-audience", .string(endpoint.route.audience.rawValue)))
    members.append(("x-calls-per-minute", .integer(endpoint.route.rate.perMinute)))
    return .object(members)
  }

  /// `hold-credits` as "Hold credits".
  private static func summary(of name: String) -> String {
    let words = name.drop { $0 != "." }.dropFirst().map { $0 == "-" ? " " : $0 }
    return (words.first.map { $0.uppercased() } ?? "") + String(words.dropFirst())
  }

  private static func parameters(of endpoint: PublicEndpoint, _ pathNames: [String]) -> [JSONTree] {
    let properties = endpoint.record.request.properties
    var parameters = zip(pathNames, endpoint.path.names).map { shown, own in
      let schema = properties.first { $0.name == own }?.schema ?? .string()
      return parameter(shown, in: "path", schema, isRequired: true)
    }
    if endpoint.readsQuery {
      parameters += endpoint.valuesBesidePath.map {
        parameter($0.name, in: "query", $0.schema, isRequired: $0.isRequired)
      }
    }
    if endpoint.record.effect == .write {
      parameters.append(.object([("$ref", .string("#/components/parameters/IdempotencyKey"))]))
    }
    return parameters
  }

  private static func parameter(_ name: String, in place: String, _ schema: Schema, isRequired: Bool) -> JSONTree {
    .object([
      ("name", .string(name)), ("in", .string(place)), ("required", .boolean(isRequired)),
      ("schema", schema.jsonSchema),
    ])
  }

  private static func responses(of endpoint: PublicEndpoint) -> JSONTree {
    var success: [(String, JSONTree)] = [
      ("description", .string(endpoint.record.success == 204 ? "Done." : "The answer.")), ("headers", answerHeaders),
    ]
    if endpoint.record.success != 204 {
      success.append(("content", content("application/json", endpoint.record.reply.jsonSchema)))
    }
    // The gateway's own problems, and the domain's.
    var statuses: Set = [400, 422, 429, 503, 504]
    if endpoint.route.audience != .anyone { statuses.formUnion([401, 403]) }
    if !endpoint.path.names.isEmpty { statuses.insert(404) }
    if !endpoint.readsQuery { statuses.formUnion([413, 415]) }
    if endpoint.record.effect == .write { statuses.insert(409) }
    statuses.formUnion(endpoint.record.refusals.map(\.status))
    let problems = statuses.sorted().map { status in
      (String(status), problem(endpoint.record.refusals.filter { $0.status == status }))
    }
    return .object([(String(endpoint.record.success), .object(success))] + problems + [("default", problem([]))])
  }

  /// A problem; where the domain says no, with its codes.
  private static func problem(_ refusals: [EndpointRecord.RefusalRecord]) -> JSONTree {
    var members: [(String, JSONTree)] = [("$ref", .string("#/components/responses/Problem"))]
    if !refusals.isEmpty {
      let codes = refusals.map { "`\($0.code)`: \($0.detail)" }.joined(separator: " ")
      members.append(("description", .string(codes)))
    }
    return .object(members)
  }

  private static func content(_ mediaType: String, _ schema: JSONTree) -> JSONTree {
    .object([(mediaType, .object([("schema", schema)]))])
  }

  private static let answerHeaders = JSONTree.object(
    ["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"].map { name in
      (name, .object([("$ref", .string("#/components/headers/\(name)"))]))
    })

  private static func header(_ description: String, _ schema: Schema) -> JSONTree {
    .object([("description", .string(description)), ("schema", schema.jsonSchema)])
  }

  private static let components = JSONTree.object([
    (
      "securitySchemes",
      .object([
        (
          "accessToken",
          .object([("type", .string("http")), ("scheme", .string("bearer")), ("bearerFormat", .string("JWT"))])
        )
      ])
    ),
    (
      "parameters",
      .object([
        (
          "IdempotencyKey",
          .object([
            ("name", .string("Idempotency-Key")), ("in", .string("header")), ("required", .boolean(false)),
            (
              "description",
              .string("The same key and body give the same answer and one effect for 24 h; another body gives 422.")
            ),
            ("schema", .object([("type", .string("string")), ("pattern", .string("^[!-~]{1,255}$"))])),
          ])
        )
      ])
    ),
    (
      "headers",
      .object([
        ("X-Request-Id", header("The name of the request in the logs.", .string(format: "uuid"))),
        ("RateLimit-Limit", header("Calls a minute.", .integer(1...Int.max))),
        ("RateLimit-Remaining", header("Calls that may follow at once.", .integer(0...Int.max))),
        ("RateLimit-Reset", header("Seconds until all calls may follow at once.", .integer(0...Int.max))),
      ])
    ),
    (
      "responses",
      .object([
        (
          "Problem",
          .object([
            ("description", .string("Why not, as problem details (RFC 9457).")),
            (
              "content",
              content(ProblemDocument.mediaType, .object([("$ref", .string("#/components/schemas/Problem"))]))
            ),
          ])
        )
      ])
    ),
    ("schemas", .object([("Problem", problemSchema.jsonSchema)])),
  ])

  private static let problemSchema = Schema.object([
    .init("type", .string()), .init("title", .string()), .init("status", .integer(100...599)),
    .init("detail", .string()), .init("code", .string()), .init("instance", .string(), isRequired: false),
    .init("requestId", .string(format: "uuid"), isRequired: false),
    .init(
      "errors",
      .array(.object([.init("pointer", .string()), .init("code", .string()), .init("detail", .string())])),
      isRequired: false),
  ])
}

extension PathTemplate {
  /// The path without the names of its values.
  fileprivate var shape: [Part] {
    parts.map { part in
      if case .value = part { .value("") } else { part }
    }
  }
}
