import Contract
import EventLoop
import Mesh
import Postgres

/// Reminds of a note.
struct NoteReminder: DurableTimer {
  static let name = "note-reminder"

  let board: BoardID
  let number: Int
}

/// Boards with notes on them.
@Loop func notesService(_ mesh: MeshService) {
  mesh.publishes(NoteAdded.self)

  mesh.answer(Ping.self) { request, _ in Ping.Reply(text: request.text) }

  mesh.read(Notes.self) { request, _, database in
    Notes.Reply(items: try await BoardStore(database).notes(on: request.board))
  }

  mesh.write(AddNote.self) { request, _, tx in
    let number = try await BoardStore(tx).lock(request.board) + 1
    guard number <= 1000 else { throw AddNote.Refusal.boardFull }
    try await BoardStore(tx).add(request.text, number: number, to: request.board)
    try tx.emit(NoteAdded(board: request.board, number: number, text: request.text))
    if let delay = request.remindAfter {
      let reminder = NoteReminder(board: request.board, number: number)
      try tx.schedule(reminder, at: tx.now + .milliseconds(delay), key: "\(request.board) \(number)")
    }
    return AddNote.Reply(number: number)
  }

  mesh.write(Jot.self) { request, _, tx in
    let jot = JotID(at: tx.now)
    BoardStore.jot(request.text, as: jot, in: tx)
    return Jot.Reply(jot: jot)
  }

  mesh.fire(NoteReminder.self) { timer, tx in try await BoardStore(tx).remind(timer.board, of: timer.number) }
}

/// Counts the notes of each board, from what the notes service tells.
@Loop func tallyService(_ mesh: MeshService) {
  mesh.handle(NoteAdded.self) { event, tx in
    if event.text == "poison" {
      // Stands for a bug that a later version does not have.
      let abilities = try await tx.query("select from abilities where name = 'poison'")
      guard !abilities.isEmpty else { throw InvalidValue("poison", "cannot be swallowed") }
    }
    try await tx.query(
      """
      insert into tallies (board, numbers) values (\(event.board), array[\(event.number)::integer])
      on conflict (board) do update set numbers = tallies.numbers || excluded.numbers
      """)
  }
}
