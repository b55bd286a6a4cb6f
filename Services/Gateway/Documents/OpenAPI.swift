import Contract
import Mesh

/// The public surface as an OpenAPI 3.1 document, made of nothing but the catalogue and the files that the gateway serves
/// itself: whatever is served is in it, and nothing else.
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
      ("tags", tags(endpoints)),
      ("paths", paths(endpoints)),
      ("components", components),
    ])
  }

  static let apiVersion = "1.0.0"

  private static func tags(_ endpoints: [PublicEndpoint]) -> JSONTree {
    .array(Set(endpoints.map(\.service) + [Media.reserved]).sorted().map { .object([("name", .string($0))]) })
  }

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
      } + MediaPaths.all)
  }

  private static func operation(_ endpoint: PublicEndpoint, _ pathNames: [String]) -> JSONTree {
    var members: [(String, JSONTree)] = [
      ("operationId", .string(endpoint.name)),
      ("summary", .string(summary(of: endpoint.name))),
      ("tags", .array([.string(endpoint.service)])),
    ]
    if endpoint.route.audience != .anyone {
      var ways = [JSONTree.object([("accessToken", .array([]))])]
      // A beacon may carry its token in its body instead.
      if endpoint.route.body == .beacon { ways.append(JSONTree.object([] as [(String, JSONTree)])) }
      members.append(("security", .array(ways)))
    }
    let parameters = parameters(of: endpoint, pathNames)
    if !parameters.isEmpty { members.append(("parameters", .array(parameters))) }
    if !endpoint.readsQuery { members.append(("requestBody", requestBody(of: endpoint))) }
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

  static func parameter(_ name: String, in place: String, _ schema: Schema, isRequired: Bool) -> JSONTree {
    .object([
      ("name", .string(name)), ("in", .string(place)), ("required", .boolean(isRequired)),
      ("schema", schema.jsonSchema),
    ])
  }

  private static func requestBody(of endpoint: PublicEndpoint) -> JSONTree {
    if let upload = endpoint.route.upload { return fileBody(upload) }
    let fields = endpoint.valuesBesidePath
    var kinds = [("application/json", Schema.object(fields).jsonSchema)]
    if endpoint.route.body == .beacon {
      let token = Schema.Property("accessToken", .string(), isRequired: false)
      kinds.append(
        (
          "text/plain",
          .object([
            ("type", .string("string")), ("contentMediaType", .string("application/json")),
            ("contentSchema", Schema.object(fields + [token]).jsonSchema),
          ])
        ))
    }
    if endpoint.route.body == .form { kinds.append((Route.Body.form.mediaTypes[1], Schema.object(fields).jsonSchema)) }
    return .object([
      ("required", .boolean(fields.contains { $0.isRequired })),
      ("content", .object(kinds.map { ($0, .object([("schema", $1)])) })),
    ])
  }

  /// A file as it is, in one of the kinds that are taken, or in a form.
  private static func fileBody(_ upload: Route.Upload) -> JSONTree {
    let file = JSONTree.object([("type", .string("string")), ("format", .string("binary"))])
    let form = JSONTree.object([
      ("type", .string("object")), ("required", .array([.string("file")])),
      ("properties", .object([("file", file)])),
    ])
    let encoding = JSONTree.object([
      ("file", .object([("contentType", .string(upload.accepts.joined(separator: ", ")))]))
    ])
    let kinds = upload.accepts.map { ($0, JSONTree.object([] as [(String, JSONTree)])) }
    return .object([
      ("required", .boolean(true)), ("description", .string("A file of at most \(upload.limit) bytes.")),
      ("content", .object(kinds + [("multipart/form-data", .object([("schema", form), ("encoding", encoding)]))])),
    ])
  }

  private static func responses(of endpoint: PublicEndpoint) -> JSONTree {
    var success: [(String, JSONTree)] = []
    switch endpoint.record.success {
    case 204: success = [("description", .string("Done.")), ("headers", .object(answerHeaders))]
    case 300..<400:
      success = [
        ("description", .string("Go on at Location.")), ("headers", .object(answerHeaders + [reference("Location")])),
      ]
    default:
      success = [
        ("description", .string("The answer.")), ("headers", .object(answerHeaders)), ("content", answer(of: endpoint)),
      ]
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

  private static func answer(of endpoint: PublicEndpoint) -> JSONTree {
    let type = String(endpoint.route.answers.prefix { $0 != ";" })
    if type == Route.json { return content(type, endpoint.record.reply.jsonSchema) }
    return content(type, .object(type.hasPrefix("text/") ? [("type", .string("string"))] : []))
  }

  /// A problem; where the domain says no, with its codes.
  static func problem(_ refusals: [EndpointRecord.RefusalRecord]) -> JSONTree {
    var members: [(String, JSONTree)] = [("$ref", .string("#/components/responses/Problem"))]
    if !refusals.isEmpty {
      let codes = refusals.map { "`\($0.code)`: \($0.detail)" }.joined(separator: " ")
      members.append(("description", .string(codes)))
    }
    return .object(members)
  }

  static func content(_ mediaType: String, _ schema: JSONTree) -> JSONTree {
    .object([(mediaType, .object([("schema", schema)]))])
  }

  private static let answerHeaders =
    ["X-Request-Id", "RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset"].map { reference($0) }

  /// A header that is described once for all answers.
  static func reference(_ header: String) -> (String, JSONTree) {
    (header, .object([("$ref", .string("#/components/headers/\(header)"))]))
  }

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
        ("Location", header("Where to go on.", .string(format: "uri-reference"))),
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
