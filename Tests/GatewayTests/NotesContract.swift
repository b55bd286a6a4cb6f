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

  /// Not on the public surface.
  struct Count: Endpoint {
    struct Reply: Codable, Sendable { let count: Int }
    static let name = "notes.count"
    static let route = Route?.none
    let member: MemberID
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
        ], events: [try EventRecord(NoteAdded.self)])
    }
  }
}
