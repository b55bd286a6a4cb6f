import Contract

/// What `Media` serves, as OpenAPI says it: the only paths that no service has put into the catalogue.
enum MediaPaths {
  /// Public objects, and private ones by links that their services have signed.
  static var all: [(String, JSONTree)] {
    let link = [
      OpenAPI.parameter("until", in: "query", .integer(0...Int.max), isRequired: true),
      OpenAPI.parameter("signature", in: "query", .string(), isRequired: true),
    ]
    return [
      path(of: .private, "A file, by a link that its service has signed", link, problems: [403, 404]),
      path(of: .public, "A file that everybody may read", [], problems: [404]),
    ]
  }

  private static func path(
    of audience: ObjectKey.Audience, _ summary: String, _ query: [JSONTree], problems: [Int]
  ) -> (String, JSONTree) {
    let names = ["service", "name"].map { OpenAPI.parameter($0, in: "path", .string(), isRequired: true) }
    let operation = JSONTree.object([
      ("operationId", .string("media.\(audience.rawValue)")), ("summary", .string(summary)),
      ("tags", .array([.string(Media.reserved)])), ("parameters", .array(names + query)),
      ("responses", responses(problems: problems)),
    ])
    return ("/\(Media.reserved)/\(audience.rawValue)/{service}/{name}", .object([("get", operation)]))
  }

  private static func responses(problems: [Int]) -> JSONTree {
    let id = OpenAPI.reference("X-Request-Id")
    let file = OpenAPI.content("*/*", .object([] as [(String, JSONTree)]))
    func answer(_ description: String, _ members: [(String, JSONTree)] = [], _ headers: [(String, JSONTree)] = [])
      -> JSONTree
    {
      .object([("description", .string(description)), ("headers", .object([id] + headers))] + members)
    }
    let answers = [
      ("200", answer("The file.", [("content", file)])),
      ("206", answer("The part of it that was asked for.", [("content", file)])),
      ("302", answer("The file is at Location.", [], [OpenAPI.reference("Location")])),
      ("304", answer("The copy that the client has is good.")),
      ("416", answer("The file has no such part.")),
    ]
    return .object(
      answers + (problems + [429]).map { (String($0), OpenAPI.problem([])) } + [("default", OpenAPI.problem([]))])
  }
}
