import Contract

/// Hangs a picture over a board.
struct HangPicture: Endpoint {
  static let name = "notes.hang-picture"
  static let route: Route? = .upload(
    .put, "/api/v1/boards/{board}/picture", .anyone, of: ["image/jpeg", "image/png"], upTo: 10 << 20)

  enum Refusal: String, Contract.Refusal, CaseIterable {
    case noSuchBoard = "no_such_board"
    case emptyPicture = "empty_picture"

    var status: Int { self == .noSuchBoard ? 404 : 422 }
    var detail: String {
      switch self {
      case .noSuchBoard: "There is no such board. Pin a note to it first."
      case .emptyPicture: "There is nothing in the file."
      }
    }
  }

  struct Reply: Codable, Sendable, Equatable {
    /// Where to see the picture for an hour.
    let link: String
    let size: Int
  }

  let board: BoardID
  /// Where the gateway has put the file.
  let object: ObjectKey
  let size: Int
  let sha256: String
  let mediaType: String
  let fileName: String?
}
