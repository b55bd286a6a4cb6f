import Contract

/// Decides who may watch a board as notes are pinned to it: every member, until it is locked.
struct EnterBoard: Endpoint {
  static let name = "notes.enter-board"
  static let route: Route? = nil
  static let socket: SocketUse? = .admits(to: BoardID.channels)
  static let effect = Effect.read

  enum Refusal: String, Contract.Refusal, CaseIterable {
    case boardLocked = "board_locked"

    var status: Int { 403 }
    var detail: String { "The board is locked." }
  }

  typealias Reply = ChannelGrant

  let board: BoardID
}

/// Locks a board: whoever watches it does so no more.
struct LockBoard: Endpoint {
  static let name = "notes.lock-board"
  static let route: Route? = .put("/api/v1/boards/{board}/lock", .anyone)

  typealias Reply = Nothing

  let board: BoardID
}

/// Says that a member is writing a note.
struct WriteOnBoard: Endpoint {
  static let name = "notes.write-on-board"
  static let route: Route? = nil
  static let socket: SocketUse? = .takes(event: "typing", on: BoardID.channels)

  typealias Reply = Nothing

  let board: BoardID
}

/// Tells those who watch a board of a note.
struct NotePinned: Push {
  static let name = "note.pinned"

  let number: Int
  let text: String
}

/// Tells whoever begins to watch a board how many notes it has.
struct NotesCounted: Push {
  static let name = "notes.counted"

  let count: Int
}

/// Tells those who watch a board that somebody is writing.
struct TypingStarted: Push {
  static let name = "typing.started"
  static let isKept = false

  let userId: MemberID
}

extension BoardID {
  /// Where a board is watched.
  static let channels: ChannelPattern = "presence-board-{board}"
}
