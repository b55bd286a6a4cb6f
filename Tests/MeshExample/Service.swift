import Contract
import EventLoop
import Mesh
import Postgres
import Storage

/// Reminds of a note.
struct NoteReminder: DurableTimer {
  static let name = "note-reminder"

  let board: BoardID
  let number: Int
}

/// Boards with notes on them.
@Loop func notesService(_ mesh: MeshService, _ storage: any ObjectStorage) {
  mesh.publishes(NoteAdded.self)
  mesh.pushes(NotePinned.self, TypingStarted.self, on: BoardID.channels)

  mesh.answer(Ping.self) { request, _ in Ping.Reply(text: request.text) }

  mesh.answer(Me.self) { _, context in Me.Reply(member: try context.member) }

  mesh.read(Notes.self) { request, _, database in
    Notes.Reply(items: try await BoardStore(database).notes(on: request.board))
  }

  mesh.write(AddNote.self) { request, _, tx in
    let number = try await BoardStore(tx).lock(request.board) + 1
    guard number <= 1000 else { throw AddNote.Refusal.boardFull }
    try await BoardStore(tx).add(request.text, number: number, to: request.board)
    try tx.emit(NoteAdded(board: request.board, number: number, text: request.text))
    try tx.push(NotePinned(number: number, text: request.text), to: BoardID.channels.channel(request.board))
    if let delay = request.remindAfter {
      let reminder = NoteReminder(board: request.board, number: number)
      try tx.schedule(reminder, at: tx.now + .milliseconds(delay), key: "\(request.board) \(number)")
    }
    return AddNote.Reply(number: number)
  }

  mesh.writeJointly(Jot.self) { requests, tx in
    let jots = requests.map { (id: JotID(at: tx.now), text: $0.request.text) }
    BoardStore.add(jots, in: tx)
    return jots.map { .success(Jot.Reply(jot: $0.id)) }
  }

  mesh.read(NoteTable.self) { request, _, database in
    let notes = try await BoardStore(database).notes(on: request.board)
    return Document(Array(notes.map { "\($0)\r\n" }.joined().utf8), fileName: "notes.csv")
  }

  mesh.ticket(for: HangPicture.self) { offer, _ in
    // What can be said before the first byte is: here nothing but this, elsewhere what the member has room for.
    guard offer.size != 0 else { throw HangPicture.Refusal.emptyPicture }
    return UploadTicket()
  }
  mesh.write(
    HangPicture.self,
    preparing: { request, context in
      guard request.size > 0 else { throw HangPicture.Refusal.emptyPicture }
      // Before the copy is made: what refuses later would have to remove it.
      guard try await BoardStore(mesh.database).exists(request.board) else { throw HangPicture.Refusal.noSuchBoard }
      let picture = ObjectKey(.private, of: "notes", "\(context.request).\(request.mediaType.dropFirst(6))")
      try await storage.copy(request.object, to: picture)
      return picture
    },
    { request, picture, context, tx in
      guard try await BoardStore(tx).hang(picture, over: request.board) else { throw HangPicture.Refusal.noSuchBoard }
      let link = MediaLink.path(of: picture, until: context.now + .seconds(3600), signedWith: mesh.mediaKeys)
      return HangPicture.Reply(link: link, size: request.size)
    })

  mesh.read(EnterBoard.self) { request, context, database in
    guard try await !BoardStore(database).isLocked(request.board) else { throw EnterBoard.Refusal.boardLocked }
    var grant = ChannelGrant(listing: .init(name: "Member \(try context.member)", avatar: nil))
    try grant.greet(with: NotesCounted(count: try await BoardStore(database).notes(on: request.board).count))
    return grant
  }

  mesh.write(LockBoard.self) { request, _, tx in
    try await BoardStore(tx).close(request.board)
    tx.recheck(BoardID.channels.channel(request.board))
    return Nothing()
  }

  mesh.answer(WriteOnBoard.self) { request, context in
    try mesh.push(TypingStarted(userId: try context.member), to: BoardID.channels.channel(request.board))
    return Nothing()
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
