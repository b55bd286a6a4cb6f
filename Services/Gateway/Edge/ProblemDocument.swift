import Contract

/// A problem as it goes to the client (RFC 9457): without the members that say nothing.
enum ProblemDocument {
  static let mediaType = "application/problem+json"

  static func bytes(_ problem: Problem) -> [UInt8] {
    var members: [(String, JSONTree)] = [
      ("type", .string(problem.type)), ("title", .string(problem.title)), ("status", .integer(problem.status)),
      ("detail", .string(problem.detail)), ("code", .string(problem.code)),
    ]
    if let instance = problem.instance { members.append(("instance", .string(instance))) }
    if let requestId = problem.requestId { members.append(("requestId", .string(requestId))) }
    if let errors = problem.errors {
      members.append(
        (
          "errors",
          .array(
            errors.map { field in
              .object([
                ("pointer", .string(field.pointer)), ("code", .string(field.code)), ("detail", .string(field.detail)),
              ])
            })
        ))
    }
    return JSONTree.object(members).bytes
  }
}
