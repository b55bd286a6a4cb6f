import Contract

/// Why something cannot be done in a conversation.
public enum ConversationRefusal: String, Refusal, CaseIterable {
  /// There is none, or the member does not take part in it.
  case notFound = "conversation_not_found"
  /// One of the two has blocked the other.
  case blocked
  /// It takes another role.
  case notAllowed = "not_allowed"
  /// The two of a direct conversation stay the same.
  case direct = "direct_conversation"
  /// There is no room for so many.
  case full = "conversation_full"

  public var status: Int {
    switch self {
    case .notFound: 404
    case .blocked, .notAllowed: 403
    case .direct, .full: 409
    }
  }

  public var detail: String {
    switch self {
    case .notFound: "There is no such conversation."
    case .blocked: "You and this member cannot write to one another."
    case .notAllowed: "Your role in this conversation does not allow it."
    case .direct: "Nobody joins or leaves a direct conversation; open a group instead."
    case .full: "A conversation has at most 100 participants."
    }
  }
}
