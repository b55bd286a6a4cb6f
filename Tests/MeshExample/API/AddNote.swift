import Contract

enum Board {}
typealias BoardID = ID<Board>

/// Pins a note to a board; the first one makes the board.
struct AddNote: Endpoint {
  static let name = "notes.add"
  static let route: Route? = .post("/api/v1/boards/{board}/notes", .anyone)

  enum Refusal: String, Contract.Refusal, CaseIterable {
    case boardFull = "board_full"

    var status: Int { 409 }
    var detail: String { "The board has 1,000 notes already. Take one off first." }
  }

  struct Reply: Codable, Sendable, Equatable {
    let number: Int
  }

  let board: BoardID
  let text: String
  /// After so many milliseconds the board reminds of the note.
  let remindAfter: Int?
}
