import Contract

/// A note was pinned to a board.
struct NoteAdded: Event {
  static let name = "notes.added"

  let board: BoardID
  let number: Int
  let text: String

  var subject: UniqueID { board.value }
}
