import Contract

/// Where a list that is ordered by time goes on: after this one. Clients get it as text that they hand back.
struct PageCursor: Equatable {
  /// Whether it stands among what is pinned on top.
  let isPinned: Bool
  let time: Timestamp
  let id: UniqueID

  init(isPinned: Bool = false, time: Timestamp, id: UniqueID) {
    (self.isPinned, self.time, self.id) = (isPinned, time, id)
  }

  /// Reads the text; throws a 422 problem for what was not handed out.
  init(_ text: String) throws(Problem) {
    let parts = text.split(separator: "_", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[0] == "p" || parts[0] == "t", let time = Int64(parts[1]),
      let id = UniqueID(String(parts[2]))
    else {
      let field = Problem.Field(pointer: "?cursor", code: "cursor", detail: "must be a nextCursor of this list")
      throw Problem(422, "invalid_fields", "Some fields are not as they must be; see errors.", errors: [field])
    }
    self.init(isPinned: parts[0] == "p", time: Timestamp(microseconds: time), id: id)
  }

  /// The text.
  var text: String { "\(isPinned ? "p" : "t")_\(time.microseconds)_\(id)" }
}
