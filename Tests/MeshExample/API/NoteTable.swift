import Contract

/// The notes on a board as a table.
struct NoteTable: Endpoint {
  typealias Reply = Document
  static let name = "notes.table"
  static let route: Route? = .get("/api/v1/boards/{board}/notes.csv", .anyone, answers: "text/csv; charset=utf-8")

  let board: BoardID
}
