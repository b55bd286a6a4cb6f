import Contract

/// Writes something down, on no board and told to nobody: the least that a request can commit.
struct Jot: Endpoint {
  static let name = "notes.jot"
  static let route: Route? = .post("/api/v1/jots", .anyone)

  struct Reply: Codable, Sendable, Equatable {
    let jot: JotID
  }

  let text: String
}

enum JotKind {}
typealias JotID = ID<JotKind>
