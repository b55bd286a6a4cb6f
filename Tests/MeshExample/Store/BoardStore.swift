import Contract
import EventLoop
import Mesh
import Postgres

/// The boards and their notes.
@Loop struct BoardStore {
  private let database: any Querying

  init(_ database: any Querying) { self.database = database }

  /// Makes the board if need be, locks it, and returns how many notes it has.
  func lock(_ board: BoardID) async throws -> Int {
    let rows = try await database.query(
      """
      insert into boards (id, notes) values (\(board), 0) on conflict (id) do update set notes = boards.notes
      returning notes
      """)
    return try rows[0].decode(column: 0)
  }

  /// Pins a note to a board that is locked.
  func add(_ text: String, number: Int, to board: BoardID) async throws {
    try await database.query(
      """
      with pinned as (insert into notes (board, number, text) values (\(board), \(number), \(text)))
      update boards set notes = \(number) where id = \(board)
      """)
  }

  /// Whether there is such a board.
  func exists(_ board: BoardID) async throws -> Bool {
    try await !database.query("select from boards where id = \(board)").isEmpty
  }

  /// Hangs a picture over a board; false when there is no such board.
  func hang(_ picture: ObjectKey, over board: BoardID) async throws -> Bool {
    try await database.query("update boards set picture = \(picture.text) where id = \(board)").affected == 1
  }

  /// The texts of a board's notes.
  func notes(on board: BoardID) async throws -> [String] {
    try await database.query("select text from notes where board = \(board) order by number").map {
      try $0.decode(column: 0)
    }
  }

  /// Keeps something that was written down.
  static func add(_ jots: [(id: JotID, text: String)], in tx: Tx) {
    tx.send("insert into jots (id, text) select * from unnest(\(jots.map(\.id)), \(jots.map(\.text)))")
  }

  /// Whether nobody may watch a board any more.
  func isLocked(_ board: BoardID) async throws -> Bool {
    try await !database.query("select from locked_boards where board = \(board)").isEmpty
  }

  /// Lets nobody watch a board any more.
  func close(_ board: BoardID) async throws {
    try await database.query("insert into locked_boards (board) values (\(board)) on conflict do nothing")
  }

  /// Notes that a board has reminded of one of its notes.
  func remind(_ board: BoardID, of number: Int) async throws {
    try await database.query(
      "update notes set reminders = reminders + 1 where board = \(board) and number = \(number)")
  }
}

/// The tables of both services of the example.
enum ExampleTables {
  static let notes = [
    Migration(
      name: "001_boards",
      sql: """
        create table boards (id uuid primary key, notes integer not null, picture text);
        create table notes (
          board uuid not null, number integer not null, text text not null, reminders integer not null default 0,
          primary key (board, number));
        create table jots (id uuid primary key, text text not null);
        create table locked_boards (board uuid primary key);
        """)
  ]
  static let tally = [
    Migration(
      name: "001_tallies",
      sql: """
        create table tallies (board uuid primary key, numbers integer[] not null);
        create table abilities (name text primary key);
        """)
  ]
}
