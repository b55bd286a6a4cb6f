import Contract

/// Why something cannot be done to a message.
public enum MessageRefusal: String, Refusal, CaseIterable {
  /// There is none, or the member does not take part in its conversation.
  case notFound = "message_not_found"
  /// Somebody else wrote it.
  case notAllowed = "not_allowed"
  /// It was deleted.
  case deleted = "message_deleted"
  /// One of the two has blocked the other.
  case blocked
  /// It has as many different emoji as it may have.
  case tooManyReactions = "too_many_reactions"
  /// It was changed as often as it may be.
  case tooManyEdits = "too_many_edits"

  public var status: Int {
    switch self {
    case .notFound: 404
    case .notAllowed, .blocked: 403
    case .deleted, .tooManyReactions, .tooManyEdits: 409
    }
  }

  public var detail: String {
    switch self {
    case .notFound: "There is no such message."
    case .notAllowed: "Only who wrote a message may change it."
    case .deleted: "This message was deleted."
    case .blocked: "You and this member cannot write to one another."
    case .tooManyReactions: "A message has at most 20 different reactions."
    case .tooManyEdits: "A message is changed at most 100 times."
    }
  }
}
