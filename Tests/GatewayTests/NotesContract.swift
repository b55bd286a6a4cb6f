import Contract
import Mesh

/// A small contract for tests: a service called `notes`.
enum NotesContract {
  /// Who knows the way in.
  struct Greeting: Endpoint {
    struct Reply: Codable, Sendable { let text: String }
    static let name = "notes.greeting"
    static let route = Route?.some(.get("/api/v1/greeting", .anyone))
    let name: String?
  }

  struct Note: Endpoint {
    struct Reply: Codable, Sendable {
      let id: UniqueID
      let text: String
      let due: Timestamp?
    }
    static let name = "notes.note"
    static let route = Route?.some(.get("/api/v1/notes/{note}", .member))
    let note: UniqueID
    let detail: Int?
  }

  struct AddNote: Endpoint {
    enum Refusal: String, CaseIterable, Contract.Refusal {
      case tooMany = "too_many_notes"
      var status: Int { 409 }
      var detail: String { "There are too many notes; delete some." }
    }
    struct Reply: Codable, Sendable { let id: UniqueID }
    static let name = "notes.add-note"
    static let route = Route?.some(.post("/api/v1/notes", .member))
    let text: String
    let tags: [String]?
  }

  struct DeleteNote: Endpoint {
    typealias Reply = Nothing
    static let name = "notes.delete-note"
    static let route = Route?.some(.delete("/api/v1/notes/{id}", .member))
    let id: UniqueID
  }

  struct Purge: Endpoint {
    typealias Reply = Nothing
    static let name = "notes.purge"
    static let route = Route?.some(.post("/api/v1/admin/notes/purge", .admin, rate: .sensitive))
  }

  /// Says that a page is still open, or is being closed.
  struct Seen: Endpoint {
    typealias Reply = Nothing
    static let name = "notes.seen"
    static let route = Route?.some(.post("/api/v1/seen", .member, body: .beacon))
    let page: String
  }

  /// All notes as a table.
  struct Table: Endpoint {
    typealias Reply = Document
    static let name = "notes.table"
    static let route = Route?.some(.get("/api/v1/notes.csv", .member, answers: "text/csv; charset=utf-8"))
  }

  /// The way to another site.
  struct Elsewhere: Endpoint {
    typealias Reply = Redirect
    static let name = "notes.elsewhere"
    static let route = Route?.some(.get("/api/v1/elsewhere", .anyone))
  }

  /// Hangs a picture over a note.
  struct Hang: Endpoint {
    enum Refusal: String, CaseIterable, Contract.Refusal {
      case full = "no_room"
      var status: Int { 409 }
      var detail: String { "There is no room." }
    }
    typealias Reply = Nothing
    static let name = "notes.hang"
    static let route = Route?.some(
      .upload(.put, "/api/v1/notes/{note}/picture", .member, of: ["image/png", "image/jpeg"], upTo: 10 << 20))
    let note: UniqueID
    let object: ObjectKey
    let size: Int
    let sha256: String
    let mediaType: String
    let fileName: String?
  }

  /// Not on the public surface.
  struct Count: Endpoint {
    struct Reply: Codable, Sendable { let count: Int }
    static let name = "notes.count"
    static let route = Route?.none
    let member: MemberID
  }

  /// Decides who may watch a note.
  struct WatchNote: Endpoint {
    typealias Reply = ChannelGrant
    static let name = "notes.watch-note"
    static let route = Route?.none
    static let socket = SocketUse?.some(.admits(to: "presence-note-{note}"))
    let note: UniqueID
  }

  /// Tells those who watch a note that it has changed.
  struct NoteChanged: Push {
    static let name = "note.changed"
    let text: String
  }

  struct NoteAdded: Event {
    static let name = "notes.note-added"
    let note: UniqueID
    let at: Timestamp
    var subject: UniqueID { note }
  }

  static var record: ServiceRecord {
    get throws {
      ServiceRecord(
        service: "notes", version: 1,
        endpoints: [
          try EndpointRecord(Greeting.self, mayBeHedged: true), try EndpointRecord(Note.self, mayBeHedged: true),
          try EndpointRecord(AddNote.self, mayBeHedged: true), try EndpointRecord(DeleteNote.self, mayBeHedged: true),
          try EndpointRecord(Purge.self, mayBeHedged: false), try EndpointRecord(Count.self, mayBeHedged: true),
          try EndpointRecord(Seen.self, mayBeHedged: true), try EndpointRecord(Table.self, mayBeHedged: true),
          try EndpointRecord(Elsewhere.self, mayBeHedged: true), try EndpointRecord(Hang.self, mayBeHedged: true),
          try EndpointRecord(WatchNote.self, mayBeHedged: true),
        ], events: [try EventRecord(NoteAdded.self)],
        pushes: [try PushRecord(NoteChanged.self, on: "presence-note-{note}")])
    }
  }
}
