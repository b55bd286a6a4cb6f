import Contract

/// The notes on a board, in the order in which they were pinned.
struct Notes: Endpoint {
  static let name = "notes.list"
  static let route: Route? = .get("/api/v1/boards/{board}/notes", .anyone)

  struct Reply: Codable, Sendable, Equatable {
    let items: [String]
  }

  let board: BoardID
}
